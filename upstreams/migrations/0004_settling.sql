-- What the settler needs: when an instruction left, what it was in the vendor's terms, when to look at it next.
ALTER TABLE brokergraph.instruction
    ADD COLUMN details jsonb NOT NULL DEFAULT '{}',              -- the vendor's order, to find or finish it by
    ADD COLUMN sent_at timestamptz,
    ADD COLUMN settle_at timestamptz NOT NULL DEFAULT now(),     -- when a settler may take it
    ADD COLUMN settle_attempts integer NOT NULL DEFAULT 0;
DROP INDEX brokergraph.instruction_open;
CREATE INDEX instruction_open ON brokergraph.instruction (settle_at)
    WHERE status IN ('RECEIVED', 'SENT', 'UNKNOWN');
CREATE INDEX instruction_review ON brokergraph.instruction (number) WHERE status = 'NEEDS_REVIEW';
CREATE INDEX instruction_account ON brokergraph.instruction (server, login, created_at);
CREATE INDEX instruction_principal ON brokergraph.instruction (principal, created_at);

-- Servers whose history has shown the reference of an instruction that is known to be booked: only there does absence
-- from the history mean anything.
CREATE TABLE brokergraph.proven_history (
    server         text PRIMARY KEY,
    instruction_id uuid NOT NULL REFERENCES brokergraph.instruction,
    proven_at      timestamptz NOT NULL DEFAULT now()
);

CREATE OR REPLACE FUNCTION brokergraph.guard_instruction() RETURNS trigger LANGUAGE plpgsql AS $$
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
    IF (NEW.id, NEW.number, NEW.kind, NEW.principal, NEW.idempotency_key, NEW.request_hash, NEW.reference,
        NEW.client_number, NEW.agency, NEW.amount, NEW.currency, NEW.details, NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.number, OLD.kind, OLD.principal, OLD.idempotency_key, OLD.request_hash, OLD.reference,
        OLD.client_number, OLD.agency, OLD.amount, OLD.currency, OLD.details, OLD.created_at) THEN
        RAISE EXCEPTION 'what an instruction asks for never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.status = OLD.status THEN
        -- A settler's lease is the only thing that changes without a move.
        IF (NEW.server, NEW.login, NEW.upstream_reference, NEW.existed, NEW.failure, NEW.sent_at)
           IS DISTINCT FROM
           (OLD.server, OLD.login, OLD.upstream_reference, OLD.existed, OLD.failure, OLD.sent_at) THEN
            RAISE EXCEPTION 'an outcome comes with a move' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    -- The one place that decides which moves exist.
    IF (OLD.status, NEW.status) NOT IN (
        ('RECEIVED', 'SENT'), ('RECEIVED', 'REJECTED'),
        ('SENT', 'CONFIRMED'), ('SENT', 'REJECTED'), ('SENT', 'UNKNOWN'),
        ('UNKNOWN', 'CONFIRMED'), ('UNKNOWN', 'REJECTED'), ('UNKNOWN', 'NEEDS_REVIEW'),
        ('NEEDS_REVIEW', 'CONFIRMED'), ('NEEDS_REVIEW', 'REJECTED')
    ) THEN
        RAISE EXCEPTION 'an instruction does not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.status = 'UNKNOWN' THEN
        PERFORM pg_notify('brokergraph_unsettled', NEW.id::text);
    END IF;
    RETURN NEW;
END $$;
