-- Every change that brokergraph orders from another system is an instruction: one row that only advances, and its
-- events, which are never changed or deleted. See docs/instructions.md.
CREATE TABLE brokergraph.instruction (
    id                 uuid PRIMARY KEY,
    number             bigint GENERATED ALWAYS AS IDENTITY UNIQUE,   -- the order of arrival; pages go by it
    kind               text NOT NULL CHECK (kind IN ('CREATE_TRADING_ACCOUNT', 'DEPOSIT', 'OPEN_ACCOUNT_REQUEST')),
    status             text NOT NULL
                       CHECK (status IN ('RECEIVED', 'SENT', 'CONFIRMED', 'REJECTED', 'UNKNOWN', 'NEEDS_REVIEW')),
    principal          text NOT NULL,                                -- who asked: the partner, never the API key
    idempotency_key    text NOT NULL CHECK (idempotency_key ~ '^[ -~]{1,255}$'),
    request_hash       bytea NOT NULL CHECK (length(request_hash) = 32),
    reference          text NOT NULL UNIQUE CHECK (reference ~ '^[ -~]{1,31}$'), -- goes into the vendor's comment
    client_number      integer NOT NULL,
    agency             integer NOT NULL,                             -- the client's when the instruction was received
    server             text,
    login              text,
    amount             numeric CHECK (amount > 0),
    currency           text,
    upstream_reference text,
    existed            boolean NOT NULL DEFAULT false,               -- the vendor found it done already
    failure            jsonb,
    created_at         timestamptz NOT NULL,
    UNIQUE (principal, idempotency_key),
    CHECK ((amount IS NULL) = (currency IS NULL))
);
CREATE INDEX instruction_client ON brokergraph.instruction (client_number, number);
CREATE INDEX instruction_open ON brokergraph.instruction (status, number) WHERE status NOT IN ('CONFIRMED', 'REJECTED');

CREATE TABLE brokergraph.instruction_event (
    instruction_id uuid NOT NULL REFERENCES brokergraph.instruction,
    sequence       integer NOT NULL,
    at             timestamptz NOT NULL,
    status         text NOT NULL,
    actor          text NOT NULL,
    note           text,
    PRIMARY KEY (instruction_id, sequence)
);

-- The one place that decides which moves exist; whatever else is tried, by whomever, is refused here.
CREATE FUNCTION brokergraph.guard_instruction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an instruction is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'RECEIVED' THEN
            RAISE EXCEPTION 'an instruction begins as RECEIVED, not %', NEW.status
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.status, NEW.status) NOT IN (
        ('RECEIVED', 'SENT'), ('RECEIVED', 'REJECTED'),
        ('SENT', 'CONFIRMED'), ('SENT', 'REJECTED'), ('SENT', 'UNKNOWN'),
        ('UNKNOWN', 'CONFIRMED'), ('UNKNOWN', 'REJECTED'), ('UNKNOWN', 'NEEDS_REVIEW'),
        ('NEEDS_REVIEW', 'CONFIRMED'), ('NEEDS_REVIEW', 'REJECTED')
    ) THEN
        RAISE EXCEPTION 'an instruction does not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.kind, NEW.principal, NEW.idempotency_key, NEW.request_hash, NEW.reference, NEW.client_number,
        NEW.agency, NEW.amount, NEW.currency, NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.kind, OLD.principal, OLD.idempotency_key, OLD.request_hash, OLD.reference, OLD.client_number,
        OLD.agency, OLD.amount, OLD.currency, OLD.created_at) THEN
        RAISE EXCEPTION 'what an instruction asks for never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_instruction BEFORE INSERT OR UPDATE OR DELETE ON brokergraph.instruction
    FOR EACH ROW EXECUTE FUNCTION brokergraph.guard_instruction();

CREATE FUNCTION brokergraph.guard_instruction_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an event is never changed or deleted' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER guard_instruction_event BEFORE UPDATE OR DELETE ON brokergraph.instruction_event
    FOR EACH ROW EXECUTE FUNCTION brokergraph.guard_instruction_event();
