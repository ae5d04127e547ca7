-- API keys (upstreams/migrations/0002_api_keys.sql, 0007_key_rotation.sql).

-- name: by_hash
-- Which valid key has this hash? $1 hash, $2 now.
SELECT id, key_hash, principal, scopes, agencies, expires_at FROM brokergraph.api_key
WHERE key_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)

-- name: by_hashes
-- Which of these hashes are of valid keys? $1 hashes, $2 now.
SELECT id, key_hash, principal, scopes, agencies, expires_at FROM brokergraph.api_key
WHERE key_hash = ANY ($1::bytea[]) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)

-- name: insert
-- Store the hash of a new key.
INSERT INTO brokergraph.api_key (id, key_hash, principal, scopes, agencies, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO NOTHING RETURNING id

-- name: list_all
-- All keys, newest first.
SELECT id, principal, scopes, agencies, created_at, expires_at, revoked_at, last_used_at, successor
FROM brokergraph.api_key
ORDER BY created_at DESC, id

-- name: revoke
-- Revoke a key. $1 id, $2 now.
UPDATE brokergraph.api_key SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING id

-- name: rotate
-- Store the successor of a valid key, with the same principal, scopes and agencies. A key has one successor. The old
-- key ends at $5 or sooner. $1 id, $2 now, $3 the new id, $4 its hash, $6 its end; null: the lifetime of the old key.
WITH old AS (
    SELECT * FROM brokergraph.api_key
    WHERE id = $1 AND successor IS NULL AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
    FOR UPDATE),
new AS (
    INSERT INTO brokergraph.api_key (id, key_hash, principal, scopes, agencies, created_at, expires_at)
    SELECT $3, $4, principal, scopes, agencies, $2, coalesce($6, $2 + (expires_at - created_at)) FROM old
    ON CONFLICT (id) DO NOTHING
    RETURNING id, principal, scopes, agencies, created_at, expires_at),
ended AS (
    UPDATE brokergraph.api_key k SET successor = new.id, expires_at = least(k.expires_at, $5)
    FROM new WHERE k.id = $1 RETURNING k.id)
SELECT new.* FROM new, ended

-- name: note_use
-- Store when keys were used last. $1 ids, $2 the times of these ids.
UPDATE brokergraph.api_key k SET last_used_at = greatest(k.last_used_at, used.at)
FROM unnest($1::text[], $2::timestamptz[]) AS used (id, at) WHERE k.id = used.id
