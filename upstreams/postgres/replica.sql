-- name: of_primary
-- How far has the primary written its log? Everything that was committed before is below this position. The statement
-- fails on a server in recovery.
SELECT (pg_control_system()).system_identifier AS system,
       ('x' || left(pg_walfile_name(pg_current_wal_flush_lsn()), 8))::bit(32)::integer AS timeline,
       (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint AS lsn

-- name: of_replica
-- How far has the replica applied the log? No row on a server that is not in recovery.
SELECT (pg_control_system()).system_identifier AS system,
       (pg_control_checkpoint()).timeline_id AS timeline,
       (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint AS lsn
WHERE pg_is_in_recovery()

-- name: closed
-- For how many seconds may no process read from the replica ($1)? 0 if it is open.
SELECT coalesce(max(extract(epoch FROM until - now())), 0)::float8 AS seconds
FROM brokergraph.lease WHERE name = $1 AND until > now()

-- name: close
-- Close the replica ($1) for a time ($2), in all processes.
INSERT INTO brokergraph.lease AS l (name, until) VALUES ($1, now() + $2::interval)
ON CONFLICT (name) DO UPDATE SET until = greatest(l.until, excluded.until)
