-- The ledger of instructions (upstreams/migrations/0001_instructions.sql).

-- part: columns
i.id, i.kind, i.status, i.principal, i.idempotency_key, i.request_hash, i.reference, i.client_number, i.agency, i.server,
i.login, i.amount, i.currency, i.upstream_reference, i.existed, i.failure, i.created_at, i.number, i.details, i.sent_at,
i.settle_attempts

-- part: visible
($1::int[] IS NULL OR i.agency = ANY ($1::int[]))
AND ($2::int IS NULL OR (i.client_number = $2 AND i.principal = $3::text))

-- part: is_open
i.status IN ('RECEIVED', 'SENT', 'UNKNOWN', 'NEEDS_REVIEW')

-- name: receive
-- Write a new instruction and its first event, unless the principal has used the key before. All times of instructions
-- come from the database, because the limits of a day must not depend on the clocks of the processes.
WITH received AS (
    INSERT INTO brokergraph.instruction (id, kind, status, principal, idempotency_key, request_hash, reference,
        client_number, agency, server, login, amount, currency, created_at, details, settle_at)
    VALUES ($1, $2, $16, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now(), $14, now() + $15::interval)
    ON CONFLICT (principal, idempotency_key) DO NOTHING
    RETURNING id, status, created_at)
INSERT INTO brokergraph.instruction_event (instruction_id, sequence, at, status, actor, note)
SELECT id, 1, created_at, status, $3, $13::text FROM received
RETURNING instruction_id

-- name: advance
-- Change the status of an instruction and write the event, only if its status is $2.
WITH moved AS (
    UPDATE brokergraph.instruction i SET
        status = $3,
        server = coalesce($4, i.server), login = coalesce($5, i.login),
        upstream_reference = coalesce($6, i.upstream_reference),
        existed = $7, failure = $8,
        sent_at = CASE WHEN $3 = 'SENT' THEN now() ELSE i.sent_at END,
        settle_at = now() + $11::interval, settle_attempts = 0
    WHERE i.id = $1 AND i.status = $2
    RETURNING i.*),
noted AS (
    INSERT INTO brokergraph.instruction_event (instruction_id, sequence, at, status, actor, note)
    SELECT m.id, (SELECT count(*) + 1 FROM brokergraph.instruction_event e WHERE e.instruction_id = m.id),
           now(), m.status, $9, $10
    FROM moved m)
SELECT {columns}, now() AS moved_at FROM moved i

-- name: by_key
-- Which instruction of this principal has this key?
SELECT {columns} FROM brokergraph.instruction i WHERE i.principal = $1 AND i.idempotency_key = $2

-- name: by_id
-- Which of these instructions may be seen? $1 to $3 visibility, $4 ids.
SELECT {columns} FROM brokergraph.instruction i WHERE i.id = ANY ($4::uuid[]) AND {visible}

-- name: by_keys
-- Which of this principal's keys have an instruction that may be seen? $1 to $3 visibility, $4 principal, $5 keys.
SELECT {columns} FROM brokergraph.instruction i
WHERE i.principal = $4 AND i.idempotency_key = ANY ($5::text[]) AND {visible}

-- name: pages_forward
-- The clients' instructions, newest first. $1 to $3 visibility, $4 client numbers, $5 after, $6 before, $7 limit.
SELECT p.* FROM unnest($4::int[]) AS k (client_number)
CROSS JOIN LATERAL (
    SELECT {columns} FROM brokergraph.instruction i
    WHERE i.client_number = k.client_number AND {visible}
      AND ($5::bigint IS NULL OR i.number < $5) AND ($6::bigint IS NULL OR i.number > $6)
    ORDER BY i.number DESC LIMIT $7) p

-- name: pages_backward
-- The same page counted from the oldest.
SELECT p.* FROM unnest($4::int[]) AS k (client_number)
CROSS JOIN LATERAL (
    SELECT {columns} FROM brokergraph.instruction i
    WHERE i.client_number = k.client_number AND {visible}
      AND ($5::bigint IS NULL OR i.number < $5) AND ($6::bigint IS NULL OR i.number > $6)
    ORDER BY i.number LIMIT $7) p

-- name: count_by_client
-- How many instructions does each client have? $1 to $3 visibility, $4 client numbers.
SELECT i.client_number, count(*) AS total FROM brokergraph.instruction i
WHERE i.client_number = ANY ($4::int[]) AND {visible} GROUP BY i.client_number

-- name: events
-- Which events do these instructions have, in the order of time? $1 ids of instructions that the caller may see.
SELECT instruction_id, at, status, actor, note FROM brokergraph.instruction_event
WHERE instruction_id = ANY ($1::uuid[]) ORDER BY instruction_id, sequence

-- name: open
-- Which instructions have no outcome yet? $1 statuses, $2 limit.
SELECT {columns} FROM brokergraph.instruction i WHERE i.status = ANY ($1::text[]) ORDER BY i.number LIMIT $2

-- name: lock_key
-- Lock the principal's ($1) idempotency key ($2), so that concurrent requests with the key are written one after another.
SELECT pg_advisory_xact_lock(hashtextextended($1 || chr(1) || $2, 3))

-- name: lock_spenders
-- Lock caller and account, so that concurrent deposits are checked against the limits one after another.
SELECT pg_advisory_xact_lock(hashtextextended($1, 1)), pg_advisory_xact_lock(hashtextextended($2, 2))

-- name: spent_today
-- The sums of today's deposits or withdrawals (UTC, $5) of the caller ($1) and on the account ($2, $3) in this currency
-- ($4), without refused ones.
SELECT coalesce(sum(i.amount) FILTER (WHERE i.principal = $1), 0) AS by_caller,
       coalesce(sum(i.amount) FILTER (WHERE i.server = $2 AND i.login = $3), 0) AS on_account
FROM brokergraph.instruction i
WHERE i.kind = $5 AND i.status <> 'REJECTED' AND (i.principal = $1 OR (i.server = $2 AND i.login = $3))
  AND i.currency = $4 AND i.created_at >= date_trunc('day', now(), 'UTC')

-- name: open_on_account
-- The other commands on the account ($1, $2) without an outcome: of the same kind ($3) as the instruction ($4), and of
-- the other kind as long as they may be sent.
SELECT count(*) FILTER (WHERE i.kind = $3) > 0 AS of_kind,
       count(*) FILTER (WHERE i.kind <> $3 AND i.status IN ('RECEIVED', 'SENT', 'UNKNOWN')) > 0 AS of_other_kind
FROM brokergraph.instruction i
WHERE i.server = $1 AND i.login = $2 AND i.kind IN ('DEPOSIT', 'WITHDRAWAL') AND i.id <> $4
  AND ({is_open} OR i.status = 'NEEDS_APPROVAL')

-- name: expired
-- Withdrawals that have waited longer than $1 for an approval. $2 limit.
SELECT {columns} FROM brokergraph.instruction i
WHERE i.status = 'NEEDS_APPROVAL' AND i.created_at < now() - $1::interval ORDER BY i.created_at LIMIT $2

-- name: claim
-- Claim due instructions, so that no other reconciler takes them during the lease. $1 how many, $2 lease.
UPDATE brokergraph.instruction i SET settle_at = now() + $2::interval, settle_attempts = settle_attempts + 1
FROM (SELECT id FROM brokergraph.instruction
      WHERE status IN ('RECEIVED', 'SENT', 'UNKNOWN') AND settle_at <= now()
      ORDER BY settle_at LIMIT $1 FOR UPDATE SKIP LOCKED) due
WHERE i.id = due.id
RETURNING {columns}, extract(epoch FROM now() - coalesce(i.sent_at, i.created_at)) AS age_seconds

-- name: postpone
-- Postpone the next search. $1 id, $2 status that the instruction must still have, $3 the pause.
UPDATE brokergraph.instruction SET settle_at = now() + $3::interval WHERE id = $1 AND status = $2

-- name: prove_history
-- Store that this server's history has shown a booked instruction of this kind. $1 server, $2 instruction, $3 kind.
INSERT INTO brokergraph.proven_history (server, instruction_id, kind) VALUES ($1, $2, $3)
ON CONFLICT (server, kind) DO NOTHING

-- name: is_proven
-- Is the history of this server proven for this kind? $1 server, $2 kind.
SELECT server, instruction_id, proven_at FROM brokergraph.proven_history WHERE server = $1 AND kind = $2

-- name: booked_on
-- The newest command of a kind that the vendor itself confirmed on this server: the history of the server must show it.
-- $1 server, $2 kind.
SELECT {columns} FROM brokergraph.instruction i
WHERE i.server = $1 AND i.kind = $2 AND i.status = 'CONFIRMED' AND i.sent_at > now() - interval '12 hours'
ORDER BY i.number DESC LIMIT 1

-- name: make_checkpoint
-- Make a checkpoint over the events since the last checkpoint.
SELECT brokergraph.make_checkpoint() AS hash

-- name: takes_instructions
-- May this role write instructions on this server now?
SELECT current_setting('transaction_read_only') = 'off'
       AND has_table_privilege('brokergraph.instruction', 'INSERT')
       AND has_table_privilege('brokergraph.instruction', 'UPDATE')
       AND has_table_privilege('brokergraph.instruction_event', 'INSERT') AS takes_instructions
