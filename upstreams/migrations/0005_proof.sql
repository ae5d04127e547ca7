-- The proof chain: each event carries a hash over the one before it and its own content, the first over what the
-- instruction asks for; numbered checkpoints cover all events in the order in which they came. See docs/proof.md.
CREATE FUNCTION brokergraph.netstring(part text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    -- Length first, so that no two lists of parts look alike; an absent part is not an empty one.
    SELECT CASE WHEN part IS NULL THEN convert_to('-;', 'UTF8')
                ELSE convert_to(octet_length(convert_to(part, 'UTF8')) || ':' || part || ';', 'UTF8') END
$$;

CREATE FUNCTION brokergraph.microseconds(instant timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT trunc(extract(epoch FROM instant) * 1000000)::bigint::text
$$;

ALTER TABLE brokergraph.instruction_event
    ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    ADD COLUMN facts text,                      -- what was known of the outcome with this event
    ADD COLUMN hash bytea;

CREATE FUNCTION brokergraph.facts(i brokergraph.instruction) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('server', i.server, 'login', i.login, 'upstream_reference', i.upstream_reference,
                              'existed', i.existed, 'failure', i.failure)::text
$$;

CREATE FUNCTION brokergraph.genesis(i brokergraph.instruction) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(
        brokergraph.netstring(i.id::text) || brokergraph.netstring(i.kind) || brokergraph.netstring(i.principal)
        || brokergraph.netstring(i.idempotency_key) || brokergraph.netstring(encode(i.request_hash, 'hex'))
        || brokergraph.netstring(i.reference) || brokergraph.netstring(i.client_number::text)
        || brokergraph.netstring(i.agency::text) || brokergraph.netstring(i.amount::text)
        || brokergraph.netstring(i.currency) || brokergraph.netstring(i.details::text)
        || brokergraph.netstring(brokergraph.microseconds(i.created_at)))
$$;

CREATE FUNCTION brokergraph.event_hash(previous bytea, e brokergraph.instruction_event) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT sha256(
        previous || brokergraph.netstring(e.instruction_id::text) || brokergraph.netstring(e.sequence::text)
        || brokergraph.netstring(brokergraph.microseconds(e.at)) || brokergraph.netstring(e.status)
        || brokergraph.netstring(e.actor) || brokergraph.netstring(e.note)
        || brokergraph.netstring(e.facts))
$$;

CREATE FUNCTION brokergraph.chain_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    instruction brokergraph.instruction;
    previous bytea;
BEGIN
    SELECT * INTO STRICT instruction FROM brokergraph.instruction WHERE id = NEW.instruction_id;
    IF NEW.status <> instruction.status THEN
        RAISE EXCEPTION 'an event says where its instruction stands' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT hash INTO previous FROM brokergraph.instruction_event
    WHERE instruction_id = NEW.instruction_id AND sequence = NEW.sequence - 1;
    IF previous IS NULL THEN
        previous := brokergraph.genesis(instruction);
    END IF;
    NEW.facts := brokergraph.facts(instruction);
    NEW.hash := brokergraph.event_hash(previous, NEW);
    RETURN NEW;
END $$;
CREATE TRIGGER chain_event BEFORE INSERT ON brokergraph.instruction_event
    FOR EACH ROW EXECUTE FUNCTION brokergraph.chain_event();

-- Events that were there before get their hashes in their order.
ALTER TABLE brokergraph.instruction_event DISABLE TRIGGER guard_instruction_event;
DO $$
DECLARE
    e brokergraph.instruction_event;
    i brokergraph.instruction;
    previous bytea;
BEGIN
    FOR e IN SELECT * FROM brokergraph.instruction_event ORDER BY instruction_id, sequence LOOP
        SELECT * INTO STRICT i FROM brokergraph.instruction WHERE id = e.instruction_id;
        IF e.sequence = 1 THEN
            previous := brokergraph.genesis(i);
        END IF;
        -- What was known at each step was not kept then; what is known now is.
        e.facts := brokergraph.facts(i);
        previous := brokergraph.event_hash(previous, e);
        UPDATE brokergraph.instruction_event SET hash = previous, facts = e.facts
        WHERE instruction_id = e.instruction_id AND sequence = e.sequence;
    END LOOP;
END $$;
ALTER TABLE brokergraph.instruction_event ENABLE TRIGGER guard_instruction_event;
ALTER TABLE brokergraph.instruction_event ALTER COLUMN hash SET NOT NULL, ALTER COLUMN facts SET NOT NULL;

CREATE TABLE brokergraph.checkpoint (
    number    bigint PRIMARY KEY,
    at        timestamptz NOT NULL,
    up_to     bigint NOT NULL,                  -- the last event's position that it covers
    events    bigint NOT NULL,                  -- how many events lie between the one before and this one
    hash      bytea NOT NULL UNIQUE
);
CREATE TRIGGER guard_checkpoint BEFORE UPDATE OR DELETE ON brokergraph.checkpoint
    FOR EACH ROW EXECUTE FUNCTION brokergraph.guard_instruction_event();

-- The digest of all events after one position up to another, in order.
CREATE FUNCTION brokergraph.digest_of_events(after bigint, up_to bigint) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(coalesce(string_agg(hash, ''::bytea ORDER BY position), ''::bytea))
    FROM brokergraph.instruction_event WHERE position > after AND position <= up_to
$$;

CREATE FUNCTION brokergraph.checkpoint_hash(
    previous bytea, number bigint, at timestamptz, up_to bigint, events bigint, digest bytea) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT sha256(coalesce(previous, ''::bytea) || brokergraph.netstring(number::text)
        || brokergraph.netstring(brokergraph.microseconds(at)) || brokergraph.netstring(up_to::text)
        || brokergraph.netstring(events::text) || digest)
$$;

-- Cover what has come since the last checkpoint; null where nothing has. The lock waits for events whose transaction is
-- not over yet: positions are given before they are committed, and none may slip in below a checkpoint.
CREATE FUNCTION brokergraph.make_checkpoint() RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    last brokergraph.checkpoint;
    newest bigint;
    count_of_events bigint;
    result bytea;
BEGIN
    LOCK TABLE brokergraph.checkpoint IN SHARE ROW EXCLUSIVE MODE;
    LOCK TABLE brokergraph.instruction_event IN SHARE MODE;
    SELECT * INTO last FROM brokergraph.checkpoint ORDER BY number DESC LIMIT 1;
    SELECT max(position), count(*) INTO newest, count_of_events FROM brokergraph.instruction_event
    WHERE position > coalesce(last.up_to, 0);
    IF newest IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO brokergraph.checkpoint (number, at, up_to, events, hash)
    SELECT coalesce(last.number, 0) + 1, t.at, newest, count_of_events,
           brokergraph.checkpoint_hash(last.hash, coalesce(last.number, 0) + 1, t.at, newest, count_of_events,
                                       brokergraph.digest_of_events(coalesce(last.up_to, 0), newest))
    FROM (SELECT clock_timestamp() AS at) t
    RETURNING hash INTO result;
    RETURN result;
END $$;
