-- Trusted documents (upstreams/migrations/0006_documents.sql).

-- name: by_id
-- Which document has this id? The partner's own document comes before a document of all partners. $1 principal, $2 id.
SELECT text FROM brokergraph.document WHERE principal IN ($1, '*') AND id = $2
ORDER BY principal = '*' LIMIT 1

-- name: by_hash
-- Does a partner have a document with this text? $1 principal, $2 SHA-256 of the text.
SELECT text FROM brokergraph.document WHERE principal IN ($1, '*') AND text_hash = $2 LIMIT 1

-- name: insert
-- Store documents with ids that are free. $1 principal, $2 ids, $3 hashes, $4 texts, $5 names, $6 now.
INSERT INTO brokergraph.document (principal, id, text_hash, text, name, added_at)
SELECT $1, one.id, one.text_hash, one.text, one.name, $6
FROM unnest($2::text[], $3::bytea[], $4::text[], $5::text[]) AS one (id, text_hash, text, name)
ON CONFLICT (principal, id) DO NOTHING RETURNING id

-- name: other_text
-- Which of these ids belong to another text already? $1 principal, $2 ids, $3 hashes.
SELECT kept.id FROM brokergraph.document AS kept
JOIN unnest($2::text[], $3::bytea[]) AS one (id, text_hash) ON one.id = kept.id
WHERE kept.principal = $1 AND kept.text_hash <> one.text_hash ORDER BY kept.id

-- name: list_all
-- Every document, or one partner's. $1 principal or null.
SELECT principal, id, name, text, added_at FROM brokergraph.document
WHERE $1::text IS NULL OR principal = $1 ORDER BY principal, name NULLS LAST, id

-- name: remove
-- Remove documents. $1 principal, $2 ids; null: all of the partner.
DELETE FROM brokergraph.document WHERE principal = $1 AND ($2::text[] IS NULL OR id = ANY($2)) RETURNING id
