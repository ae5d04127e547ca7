-- Budgets of all processes (upstreams/migrations/0008_budgets.sql). The rule is the same as in
-- upstreams/state/budgets/token_bucket.py.

-- name: take
-- Take a cost from a caller's bucket? $1 principal, $2 per minute, $3 cost, $4 floor; levels are the cost times 60,000.
WITH clock AS MATERIALIZED (SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms)
INSERT INTO brokergraph.budget AS kept (principal, level, at_ms, granted)
SELECT $1, ($2::bigint - CASE WHEN $2::bigint - $3::bigint >= $4::bigint THEN $3::bigint ELSE 0 END) * 60000, ms,
       $2::bigint - $3::bigint >= $4::bigint
FROM clock
ON CONFLICT (principal) DO UPDATE SET (level, at_ms, granted) = (
    SELECT CASE WHEN filled.level - $3::bigint * 60000 >= $4::bigint * 60000 THEN filled.level - $3::bigint * 60000
                ELSE filled.level END,
           filled.ms, filled.level - $3::bigint * 60000 >= $4::bigint * 60000
    FROM (SELECT later.ms, least($2::bigint * 60000, kept.level + (later.ms - kept.at_ms) * $2::bigint) AS level
          FROM (SELECT greatest(kept.at_ms, EXCLUDED.at_ms) AS ms) AS later) AS filled)
RETURNING level, at_ms, granted

-- name: forget
-- Which buckets are full again, after a minute without a draw? They are removed.
DELETE FROM brokergraph.budget
WHERE at_ms < floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint - 60000
