-- API keys (upstreams/migrations/0002_api_keys.sql).

-- name: by_hash
-- Whose key has this hash? $1 hash, $2 now.
SELECT id, principal, scopes, agencies, expires_at FROM brokergraph.api_key
WHERE key_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)

-- name: insert
-- Keep a new key's hash.
INSERT INTO brokergraph.api_key (id, key_hash, principal, scopes, agencies, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO NOTHING RETURNING id

-- name: list_all
-- Every key there is, newest first.
SELECT id, principal, scopes, agencies, created_at, expires_at, revoked_at FROM brokergraph.api_key
ORDER BY created_at DESC, id

-- name: revoke
-- End a key's life now. $1 id, $2 now.
UPDATE brokergraph.api_key SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING id
