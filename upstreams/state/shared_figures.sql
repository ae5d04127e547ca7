-- The figures that streams watch (upstreams/migrations/0014_shared_figures.sql).

-- name: take_turn
-- Watch the keys $2 of the poll $1 for another time, every $3 seconds. If the stored figures are not fresh, this process
-- has the turn to read the source, and the rows are the keys of all processes.
WITH watched AS (
    INSERT INTO brokergraph.poll_key AS k (poll, key, seconds, until)
    SELECT $1, key, $3, now() + 3 * make_interval(secs => $3) FROM unnest($2::text[]) AS key
    ON CONFLICT (poll, key) DO UPDATE SET
        until = greatest(k.until, excluded.until),
        seconds = CASE WHEN k.until < now() THEN excluded.seconds ELSE least(k.seconds, excluded.seconds) END),
others AS (
    SELECT key, seconds FROM brokergraph.poll_key WHERE poll = $1 AND until > now()),
turn AS (
    INSERT INTO brokergraph.poll_turn AS t (poll, until)
    SELECT $1, now() + 0.9 * make_interval(secs => least($3, (SELECT min(seconds) FROM others)))
    ON CONFLICT (poll) DO UPDATE SET until = excluded.until WHERE t.until <= now()
    RETURNING poll)
SELECT key FROM turn, (SELECT key FROM others UNION SELECT unnest($2::text[])) keys

-- name: store
-- Store the values $3 of the keys $2.
INSERT INTO brokergraph.poll_value (poll, key, value, at)
SELECT $1, key, value, now() FROM unnest($2::text[], $3::text[]) AS v (key, value)
ON CONFLICT (poll, key) DO UPDATE SET value = excluded.value, at = excluded.at

-- name: read
-- The values of the keys $2 that are not older than $3 seconds.
SELECT key, value FROM brokergraph.poll_value
WHERE poll = $1 AND key = ANY ($2::text[]) AND at > now() - make_interval(secs => $3)

-- name: forget
-- Remove what no process has watched for an hour.
WITH gone AS (
    DELETE FROM brokergraph.poll_key WHERE until < now() - interval '1 hour' RETURNING poll, key)
DELETE FROM brokergraph.poll_value v USING gone WHERE v.poll = gone.poll AND v.key = gone.key
