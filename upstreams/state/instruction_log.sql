-- The log of the events of all instructions (upstreams/migrations/0013_instruction_log.sql).

-- name: take_lease
-- Take or keep the lease of the sequencer. $1 this process, $2 time.
INSERT INTO brokergraph.lease AS l (name, until, holder) VALUES ('sequencer', now() + $2::interval, $1)
ON CONFLICT (name) DO UPDATE SET until = excluded.until, holder = excluded.holder
    WHERE l.until <= now() OR l.holder = excluded.holder
RETURNING name

-- name: give_up_lease
-- Release the lease of this process ($1), so that another one takes it without a delay.
UPDATE brokergraph.lease SET until = now() WHERE name = 'sequencer' AND holder = $1

-- name: has_work
-- Is there an event without a number, or was the log moved?
SELECT EXISTS (SELECT FROM brokergraph.stream_outbox)
       OR (SELECT origin <> brokergraph.stream_origin() FROM brokergraph.stream_head) AS has_work

-- name: number
-- Give at most $1 events their numbers.
SELECT brokergraph.number_events($1) AS numbered

-- name: head
-- Where does the log end?
SELECT epoch, seq, forgotten FROM brokergraph.stream_head

-- name: read
-- The end of the log, and at most $2 events after the number $1. A log without such events has one row.
SELECT h.epoch, h.seq AS head, h.forgotten, e.*
FROM brokergraph.stream_head h
LEFT JOIN LATERAL (
    SELECT s.seq, ev.at AS event_at, ev.status AS event_status, ev.actor AS event_actor, ev.note AS event_note, {columns}
    FROM brokergraph.stream_event s
    JOIN brokergraph.instruction_event ev ON ev.instruction_id = s.instruction_id AND ev.sequence = s.sequence
    JOIN brokergraph.instruction i ON i.id = s.instruction_id
    WHERE s.seq > $1
    ORDER BY s.seq LIMIT $2) e ON true
ORDER BY e.seq

-- name: forget
-- Remove at most $2 events that got their numbers longer than $1 ago, the lowest numbers first.
WITH old AS (
    SELECT max(o.seq) AS seq
    FROM (SELECT seq FROM brokergraph.stream_event WHERE at < now() - $1::interval ORDER BY at LIMIT $2) o),
gone AS (
    DELETE FROM brokergraph.stream_event e USING old WHERE e.seq <= old.seq RETURNING e.seq)
UPDATE brokergraph.stream_head SET forgotten = (SELECT max(seq) FROM gone)
WHERE EXISTS (SELECT FROM gone)
RETURNING forgotten
