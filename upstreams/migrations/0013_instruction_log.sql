-- The log of the events of all instructions in one order, for streams and webhooks: docs/subscriptions.md.
--
-- A number that several writers draw is no order: the lower of two numbers may be committed last. Each event is therefore
-- written to an outbox in its own transaction. One sequencer then gives the committed events consecutive numbers.
CREATE TABLE brokergraph.stream_outbox (
    number         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instruction_id uuid NOT NULL,
    sequence       integer NOT NULL
);

CREATE TABLE brokergraph.stream_event (
    seq            bigint PRIMARY KEY,
    instruction_id uuid NOT NULL,
    sequence       integer NOT NULL,
    at             timestamptz NOT NULL,      -- when the event got its number
    UNIQUE (instruction_id, sequence)
);
CREATE INDEX stream_event_at ON brokergraph.stream_event (at);

-- The end of the log. Its row lock, not the sequencer's lease, keeps two sequencers apart.
CREATE TABLE brokergraph.stream_head (
    name      text PRIMARY KEY CHECK (name = 'instructions'),
    epoch     uuid NOT NULL,                  -- a cursor of another epoch says nothing about this log
    origin    text NOT NULL,
    seq       bigint NOT NULL,                -- the number of the last event
    forgotten bigint NOT NULL                 -- the number of the last event that retention has removed
);

-- Where the rows of the log are: cluster, timeline and table. After a restored backup, the numbers of events that the
-- backup lacks would be given again, and no row would show it.
CREATE FUNCTION brokergraph.stream_origin() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
                     left(pg_walfile_name(pg_current_wal_lsn()), 8), 'brokergraph.stream_head'::regclass::oid)
$$;
INSERT INTO brokergraph.stream_head
VALUES ('instructions', gen_random_uuid(), brokergraph.stream_origin(), 0, 0);

CREATE FUNCTION brokergraph.put_into_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO brokergraph.stream_outbox (instruction_id, sequence) VALUES (NEW.instruction_id, NEW.sequence);
    RETURN NULL;
END $$;
CREATE TRIGGER put_into_outbox AFTER INSERT ON brokergraph.instruction_event
    FOR EACH ROW EXECUTE FUNCTION brokergraph.put_into_outbox();

-- Give the next committed events their numbers; returns how many. Later events of an instruction wait for the row lock of
-- the earlier ones, so that the outbox has them in their own order.
CREATE FUNCTION brokergraph.number_events(most integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    head brokergraph.stream_head;
    here text := brokergraph.stream_origin();
    numbered integer;
BEGIN
    UPDATE brokergraph.stream_head SET
        epoch = CASE WHEN origin = here THEN epoch ELSE gen_random_uuid() END, origin = here
    WHERE name = 'instructions' RETURNING * INTO STRICT head;
    WITH batch AS (
        DELETE FROM brokergraph.stream_outbox o
        USING (SELECT number FROM brokergraph.stream_outbox ORDER BY number LIMIT most) due
        WHERE o.number = due.number
        RETURNING o.*)
    INSERT INTO brokergraph.stream_event (seq, instruction_id, sequence, at)
    SELECT head.seq + row_number() OVER (ORDER BY number), instruction_id, sequence, clock_timestamp() FROM batch;
    GET DIAGNOSTICS numbered = ROW_COUNT;
    UPDATE brokergraph.stream_head SET seq = seq + numbered WHERE name = 'instructions' AND numbered > 0;
    RETURN numbered;
END $$;

ALTER TABLE brokergraph.lease ADD COLUMN holder text;

-- A transaction with a notification takes a lock of the whole cluster when it commits. The process notifies after its
-- commit instead.
CREATE OR REPLACE FUNCTION brokergraph.guard_instruction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an instruction is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'RECEIVED' AND (NEW.kind, NEW.status) <> ('WITHDRAWAL', 'NEEDS_APPROVAL') THEN
            RAISE EXCEPTION 'a % does not begin as %', NEW.kind, NEW.status
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.number, NEW.kind, NEW.principal, NEW.idempotency_key, NEW.request_hash, NEW.reference,
        NEW.client_number, NEW.agency, NEW.amount, NEW.currency, NEW.details, NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.number, OLD.kind, OLD.principal, OLD.idempotency_key, OLD.request_hash, OLD.reference,
        OLD.client_number, OLD.agency, OLD.amount, OLD.currency, OLD.details, OLD.created_at) THEN
        RAISE EXCEPTION 'what an instruction asks for never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.status = OLD.status THEN
        -- Only a reconciler's lease changes without a move.
        IF (NEW.server, NEW.login, NEW.upstream_reference, NEW.existed, NEW.failure, NEW.sent_at)
           IS DISTINCT FROM
           (OLD.server, OLD.login, OLD.upstream_reference, OLD.existed, OLD.failure, OLD.sent_at) THEN
            RAISE EXCEPTION 'an outcome comes with a move' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    -- The one place that decides which moves exist.
    IF (OLD.status, NEW.status) NOT IN (
        ('NEEDS_APPROVAL', 'RECEIVED'), ('NEEDS_APPROVAL', 'REJECTED'),
        ('RECEIVED', 'SENT'), ('RECEIVED', 'REJECTED'),
        ('SENT', 'CONFIRMED'), ('SENT', 'REJECTED'), ('SENT', 'UNKNOWN'),
        ('UNKNOWN', 'CONFIRMED'), ('UNKNOWN', 'REJECTED'), ('UNKNOWN', 'NEEDS_REVIEW'),
        ('NEEDS_REVIEW', 'CONFIRMED'), ('NEEDS_REVIEW', 'REJECTED')
    ) THEN
        RAISE EXCEPTION 'an instruction does not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
