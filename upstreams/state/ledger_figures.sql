-- What operators watch in the ledger, its log and its webhooks.

-- name: undecided
-- The undecided instructions by status, with the age of the oldest in seconds. Each part has an index of its own.
SELECT status, count(*) AS number, extract(epoch FROM now() - min(created_at))::float8 AS oldest_seconds
FROM (
    SELECT status, created_at FROM brokergraph.instruction WHERE status IN ('RECEIVED', 'SENT', 'UNKNOWN')
    UNION ALL SELECT status, created_at FROM brokergraph.instruction WHERE status = 'NEEDS_REVIEW'
    UNION ALL SELECT status, created_at FROM brokergraph.instruction WHERE status = 'NEEDS_APPROVAL') undecided
GROUP BY status

-- name: queues
-- How late are the reconciler and the sequencer, in seconds, and how many deliveries of webhooks wait or are parked?
SELECT
    (SELECT extract(epoch FROM now() - min(settle_at))::float8 FROM brokergraph.instruction
     WHERE status IN ('RECEIVED', 'SENT', 'UNKNOWN') AND settle_at <= now()) AS reconciler_seconds,
    (SELECT extract(epoch FROM now() - e.at)::float8
     FROM (SELECT instruction_id, sequence FROM brokergraph.stream_outbox ORDER BY number LIMIT 1) o
     JOIN brokergraph.instruction_event e USING (instruction_id, sequence)) AS sequencer_seconds,
    (SELECT count(*) FROM brokergraph.webhook_delivery WHERE parked_at IS NULL) AS webhooks_waiting,
    (SELECT count(*) FROM brokergraph.webhook_delivery WHERE parked_at IS NOT NULL) AS webhooks_parked
