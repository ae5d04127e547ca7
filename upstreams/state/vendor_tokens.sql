-- name: load
-- What is the newest pair of this vendor?
SELECT access_token, refresh_token FROM brokergraph.vendor_token WHERE name = $1

-- name: save
-- Replace the pair by a new one.
INSERT INTO brokergraph.vendor_token (name, access_token, refresh_token, stored_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET access_token = $2, refresh_token = $3, stored_at = $4

-- name: lock
-- Which process may change this vendor's pair, until the transaction ends? $1 is made of the vendor's name.
SELECT pg_advisory_xact_lock($1)
