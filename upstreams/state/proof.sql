-- The statements for the check of the proof chain (upstreams/migrations/0005_proof.sql). Python computes the hashes
-- again.

-- name: instructions
-- All instructions with their contents and their status, in the order of arrival.
SELECT i.id::text, i.kind, i.principal, i.idempotency_key, encode(i.request_hash, 'hex'), i.reference,
       i.client_number::text, i.agency::text, i.amount::text, i.currency, i.details::text,
       brokergraph.microseconds(i.created_at), i.status, brokergraph.facts(i)
FROM brokergraph.instruction i ORDER BY i.number

-- name: events
-- All events, by instruction.
SELECT e.instruction_id::text, e.sequence::text, brokergraph.microseconds(e.at), e.status, e.actor, e.note,
       e.facts, e.hash
FROM brokergraph.instruction_event e JOIN brokergraph.instruction i ON i.id = e.instruction_id
ORDER BY i.number, e.sequence

-- name: orphans
-- Events of a missing instruction.
SELECT e.instruction_id::text FROM brokergraph.instruction_event e
WHERE NOT EXISTS (SELECT FROM brokergraph.instruction i WHERE i.id = e.instruction_id) ORDER BY e.position LIMIT 1

-- name: checkpoints
-- All checkpoints, in their order.
SELECT number, brokergraph.microseconds(at), up_to, events, hash FROM brokergraph.checkpoint ORDER BY number

-- name: positions
-- The hashes of all events, in the order of events.
SELECT position, hash FROM brokergraph.instruction_event ORDER BY position
