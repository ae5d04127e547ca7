-- Withdrawals, and the approval of a withdrawal by a second principal. See docs/withdrawals.md.
ALTER TABLE brokergraph.instruction
    DROP CONSTRAINT instruction_kind_check,
    ADD CONSTRAINT instruction_kind_check
        CHECK (kind IN ('CREATE_TRADING_ACCOUNT', 'DEPOSIT', 'OPEN_ACCOUNT_REQUEST', 'WITHDRAWAL')),
    DROP CONSTRAINT instruction_status_check,
    ADD CONSTRAINT instruction_status_check
        CHECK (status IN ('NEEDS_APPROVAL', 'RECEIVED', 'SENT', 'CONFIRMED', 'REJECTED', 'UNKNOWN', 'NEEDS_REVIEW'));

-- An account has at most one withdrawal without an outcome: the margin that is read for a second one would not show the
-- first one. A late row is written after its caller was answered and is refused at once, so that it sends nothing.
CREATE UNIQUE INDEX instruction_open_withdrawal ON brokergraph.instruction (server, login)
    WHERE kind = 'WITHDRAWAL' AND status IN ('NEEDS_APPROVAL', 'RECEIVED', 'SENT', 'UNKNOWN', 'NEEDS_REVIEW')
          AND NOT details ? 'late';
CREATE INDEX instruction_waiting ON brokergraph.instruction (created_at) WHERE status = 'NEEDS_APPROVAL';

-- A history that shows deposits may leave withdrawals out, so that each kind needs its own proof.
ALTER TABLE brokergraph.proven_history
    ADD COLUMN kind text NOT NULL DEFAULT 'DEPOSIT',
    DROP CONSTRAINT proven_history_pkey,
    ADD PRIMARY KEY (server, kind);

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
    IF NEW.status = 'UNKNOWN' THEN
        PERFORM pg_notify('brokergraph_unsettled', NEW.id::text);
    END IF;
    RETURN NEW;
END $$;
