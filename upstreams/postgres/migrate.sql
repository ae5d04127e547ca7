-- The table of applied migrations.

-- name: lock
-- Which process may migrate? $1 is the same number in every version of brokergraph.
SELECT pg_advisory_lock($1)

-- name: make_record
-- Does the table of applied migrations exist?
CREATE SCHEMA IF NOT EXISTS brokergraph;
CREATE TABLE IF NOT EXISTS brokergraph.migration (
    name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())

-- name: has_record
-- Has this database ever been migrated?
SELECT to_regclass('brokergraph.migration') IS NOT NULL

-- name: applied
-- Which migrations were applied, with which checksums?
SELECT name, checksum FROM brokergraph.migration ORDER BY name

-- name: record
-- A migration was applied: $1 name, $2 checksum.
INSERT INTO brokergraph.migration (name, checksum) VALUES ($1, $2)
