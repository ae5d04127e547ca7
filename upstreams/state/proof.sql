-- What the proof chain is checked against (upstreams/migrations/0005_proof.sql). Hashes are computed anew in Python.

-- name: instructions
-- What each instruction asks for, and where it stands, in order of arrival.
SELECT i.id::text, i.kind, i.principal, i.idempotency_key, encode(i.request_hash, 'hex'), i.reference,
       i.client_number::text, i.agency::text, i.amount::text, i.currency, i.details::text,
       brokergraph.microseconds(i.created_at), i.status, brokergraph.facts(i)
FROM brokergraph.instruction i ORDER BY i.number

-- name: events
-- Every event, instruction by instruction.
SELECT e.instruction_id::text, e.sequence::text, brokergraph.microseconds(e.at), e.status, e.actor, e.note,
       e.facts, e.hash
FROM brokergraph.instruction_event e JOIN brokergraph.instruction i ON i.id = e.instruction_id
ORDER BY i.number, e.sequence

-- name: orphans
-- Events whose instruction is gone.
SELECT e.instruction_id::text FROM brokergraph.instruction_event e
WHERE NOT EXISTS (SELECT FROM brokergraph.instruction i WHERE i.id = e.instruction_id) ORDER BY e.position LIMIT 1

-- name: checkpoints
-- Every checkpoint, in order.
SELECT number, brokergraph.microseconds(at), up_to, events, hash FROM brokergraph.checkpoint ORDER BY number

-- name: positions
-- Every event's hash in the order of events.
SELECT position, hash FROM brokergraph.instruction_event ORDER BY position
