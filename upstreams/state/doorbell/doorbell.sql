-- The doorbell by NOTIFY (upstreams/state/doorbell/postgresql.py).

-- name: notify
-- Ring the bells $2 on the channel $1, in a transaction of their own.
SELECT pg_notify($1, bell) FROM unnest($2::text[]) AS bell
