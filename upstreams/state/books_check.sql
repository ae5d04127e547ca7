-- The nightly check of the books (upstreams/migrations/0012_books_check.sql).

-- name: claim
-- Take the check of the day, unless it is done or another process has it. $1 day, $2 lease.
INSERT INTO brokergraph.books_check (day, leased_until) VALUES ($1, now() + $2::interval)
ON CONFLICT (day) DO UPDATE SET leased_until = excluded.leased_until
    WHERE NOT books_check.done AND books_check.leased_until < now()
RETURNING day

-- name: finish
-- Mark the check of the day as done.
UPDATE brokergraph.books_check SET done = true WHERE day = $1
