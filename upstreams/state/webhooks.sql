-- Webhooks and their deliveries (upstreams/migrations/0015_webhooks.sql).

-- name: add
-- Store a webhook that begins with the next event. $1 id, $2 principal, $3 URL, $4 kinds, $5 agencies, $6 secret, $7 now.
INSERT INTO brokergraph.webhook (id, principal, url, kinds, agencies, secret, created_at, planned)
SELECT $1, $2, $3, $4, $5, $6, $7, seq FROM brokergraph.stream_head
RETURNING id

-- name: list_all
-- All webhooks with the events that their receivers have not taken, newest first.
SELECT w.id, w.principal, w.url, w.kinds, w.agencies, w.created_at, w.disabled_at, w.delivered_at,
       d.pending, d.parked, d.last_status
FROM brokergraph.webhook w
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE parked_at IS NULL) AS pending, count(parked_at) AS parked,
           (array_agg(last_status ORDER BY seq) FILTER (WHERE last_status IS NOT NULL))[1] AS last_status
    FROM brokergraph.webhook_delivery WHERE webhook_id = w.id) d
ORDER BY w.created_at DESC, w.id

-- name: target
-- Where and with which secrets are messages of a webhook sent? $1 id, $2 now.
SELECT url, CASE WHEN old_secret_until > $2 THEN ARRAY[secret, old_secret] ELSE ARRAY[secret] END AS secrets
FROM brokergraph.webhook WHERE id = $1

-- name: rotate
-- Store another secret. The present one signs until $3, too. $1 id, $2 secret, $3 the end of the overlap.
UPDATE brokergraph.webhook SET secret = $2, old_secret = secret, old_secret_until = $3 WHERE id = $1 RETURNING id

-- name: disable
-- Send nothing more to a webhook. $1 id, $2 now.
UPDATE brokergraph.webhook SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL RETURNING id

-- name: enable
-- Send to a webhook again, beginning with the events that it has not got.
UPDATE brokergraph.webhook SET disabled_at = NULL WHERE id = $1 AND disabled_at IS NOT NULL RETURNING id

-- name: replay
-- Plan the deliveries of all events after a number ($2) once more. $1 id.
UPDATE brokergraph.webhook SET planned = least(planned, $2) WHERE id = $1 RETURNING id

-- name: take_leases
-- Take or keep the leases of all webhooks that no other process has. $1 this process, $2 time. The order prevents that
-- two processes wait for each other.
INSERT INTO brokergraph.lease AS l (name, until, holder)
SELECT 'webhook/' || id, now() + $2::interval, $1 FROM brokergraph.webhook WHERE disabled_at IS NULL ORDER BY id
ON CONFLICT (name) DO UPDATE SET until = excluded.until, holder = excluded.holder
    WHERE l.until <= now() OR l.holder = excluded.holder
RETURNING substr(name, length('webhook/') + 1) AS id

-- name: give_up_leases
-- Release the leases of this process ($1), so that another one takes them without a delay.
UPDATE brokergraph.lease SET until = now() WHERE starts_with(name, 'webhook/') AND holder = $1

-- name: by_indexes
-- Plan each statement of this transaction anew, and read by indexes. The table of deliveries is usually empty and grows
-- quickly while a receiver is down. A plan that was made for the empty table would then read all of it for each row.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
       set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)

-- name: plan
-- Plan the deliveries of the next $2 events for these webhooks ($1). A replay revives a parked delivery. $3 now.
-- The row locks of the webhooks keep two processes apart. An event is not due before the earlier ones of its instruction,
-- so that the search for due deliveries does not read all that wait for a dead receiver.
WITH hook AS (
    SELECT w.id, w.kinds, w.agencies, w.planned < h.forgotten AS is_incomplete, greatest(w.planned, h.forgotten) AS after,
           least(h.seq, greatest(w.planned, h.forgotten) + $2) AS up_to, h.seq AS head
    FROM brokergraph.webhook w CROSS JOIN brokergraph.stream_head h
    WHERE w.id = ANY ($1::text[]) AND w.disabled_at IS NULL AND w.planned < h.seq
    ORDER BY w.id FOR UPDATE OF w),
planned AS (
    INSERT INTO brokergraph.webhook_delivery AS d (webhook_id, seq, instruction_id, sequence, next_at, message_id)
    SELECT hook.id, s.seq, s.instruction_id, s.sequence,
           greatest($3, (SELECT (array_agg(e.next_at ORDER BY e.seq DESC))[1] FROM brokergraph.webhook_delivery e
                         WHERE e.webhook_id = hook.id AND e.instruction_id = s.instruction_id
                           AND e.seq < s.seq AND e.parked_at IS NULL)),
           'msg_' || encode(substr(sha256(convert_to(
               concat_ws('/', s.instruction_id, s.sequence, ev.status, extract(epoch FROM ev.at)), 'UTF8')), 1, 16), 'hex')
    FROM hook
    JOIN brokergraph.stream_event s ON s.seq > hook.after AND s.seq <= hook.up_to
    JOIN brokergraph.instruction_event ev ON ev.instruction_id = s.instruction_id AND ev.sequence = s.sequence
    JOIN brokergraph.instruction i ON i.id = s.instruction_id
    WHERE (hook.kinds IS NULL OR i.kind = ANY (hook.kinds))
      AND (hook.agencies IS NULL OR i.agency = ANY (hook.agencies))
    ON CONFLICT (webhook_id, seq) DO UPDATE SET
        attempts = 0, next_at = excluded.next_at, first_failed_at = NULL, parked_at = NULL
        WHERE d.parked_at IS NOT NULL)
UPDATE brokergraph.webhook w SET planned = hook.up_to FROM hook WHERE w.id = hook.id
RETURNING w.id, hook.is_incomplete, hook.up_to < hook.head AS has_more

-- name: forget
-- Remove the parked deliveries of these webhooks ($1) whose events the log no longer has, because no replay can send them.
DELETE FROM brokergraph.webhook_delivery
WHERE webhook_id = ANY ($1::text[]) AND seq <= (SELECT forgotten FROM brokergraph.stream_head) AND parked_at IS NOT NULL

-- name: due
-- At most $2 deliveries to each of these webhooks ($1) that are due now ($3), each the earliest of its instruction.
SELECT w.id AS webhook_id, w.url,
       CASE WHEN w.old_secret_until > $3 THEN ARRAY[w.secret, w.old_secret] ELSE ARRAY[w.secret] END AS secrets,
       d.seq, d.message_id, d.attempts, d.first_failed_at, d.instruction_id, i.kind, ev.status, ev.at, h.epoch
FROM brokergraph.webhook w
CROSS JOIN brokergraph.stream_head h
CROSS JOIN LATERAL (
    SELECT * FROM brokergraph.webhook_delivery one
    WHERE webhook_id = w.id AND parked_at IS NULL AND next_at <= $3
      AND NOT EXISTS (
          SELECT FROM brokergraph.webhook_delivery earlier
          WHERE earlier.webhook_id = one.webhook_id AND earlier.instruction_id = one.instruction_id
            AND earlier.parked_at IS NULL AND earlier.seq < one.seq)
    ORDER BY next_at, seq LIMIT $2) d
JOIN brokergraph.instruction_event ev ON ev.instruction_id = d.instruction_id AND ev.sequence = d.sequence
JOIN brokergraph.instruction i ON i.id = d.instruction_id
WHERE w.id = ANY ($1::text[]) AND w.disabled_at IS NULL

-- name: delivered
-- The receiver has taken an event. $1 webhook, $2 number of the event, $3 now. As in `plan`, the webhook is locked first.
WITH taken AS (UPDATE brokergraph.webhook SET delivered_at = $3 WHERE id = $1 RETURNING id)
DELETE FROM brokergraph.webhook_delivery d USING taken WHERE d.webhook_id = taken.id AND d.seq = $2

-- name: failed
-- An attempt failed. The next one is at $3, before which the later events of the instruction are not due; null: no other
-- follows. $1 webhook, $2 number of the event, $4 what happened, $5 now, $6 instruction.
UPDATE brokergraph.webhook_delivery SET
    next_at = greatest(next_at, $3),
    attempts = attempts + (seq = $2)::int,
    last_status = CASE WHEN seq = $2 THEN $4 ELSE last_status END,
    first_failed_at = CASE WHEN seq = $2 THEN coalesce(first_failed_at, $5) ELSE first_failed_at END,
    parked_at = CASE WHEN seq = $2 AND $3::timestamptz IS NULL THEN $5 END
WHERE webhook_id = $1 AND instruction_id = $6 AND seq >= $2 AND parked_at IS NULL
