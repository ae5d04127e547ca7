-- Webhooks: the log of instructions, pushed to partners (docs/webhooks.md).
CREATE TABLE brokergraph.webhook (
    id               text PRIMARY KEY,
    principal        text NOT NULL CHECK (principal <> ''),
    url              text NOT NULL,           -- its path and its query may hold a secret of the partner
    kinds            text[],                  -- null: every kind of instruction
    agencies         integer[],               -- null: every agency
    secret           bytea NOT NULL,          -- encrypted under [webhooks] key
    old_secret       bytea,                   -- the secret before the last rotation
    old_secret_until timestamptz,             -- until then both secrets sign
    created_at       timestamptz NOT NULL,
    disabled_at      timestamptz,
    delivered_at     timestamptz,             -- when the receiver took an event last
    -- The deliveries of all events up to this number of the log are planned. The log's epoch is not stored: a restored
    -- backup or a standby has this number and the log of the same moment.
    planned          bigint NOT NULL,
    CHECK ((old_secret IS NULL) = (old_secret_until IS NULL))
);

-- The events that a receiver has not taken. A delivery that succeeded has no row any more.
CREATE TABLE brokergraph.webhook_delivery (
    webhook_id      text NOT NULL REFERENCES brokergraph.webhook,
    seq             bigint NOT NULL,          -- the number of the event in the log
    instruction_id  uuid NOT NULL,
    sequence        integer NOT NULL,
    message_id      text NOT NULL,            -- the same for every attempt, and after a replay
    attempts        integer NOT NULL DEFAULT 0,
    next_at         timestamptz NOT NULL,
    first_failed_at timestamptz,
    last_status     text,
    parked_at       timestamptz,              -- no attempt follows
    PRIMARY KEY (webhook_id, seq)
);
CREATE INDEX webhook_delivery_due ON brokergraph.webhook_delivery (webhook_id, next_at, seq) WHERE parked_at IS NULL;
-- A later event of an instruction waits for the earlier ones.
CREATE INDEX webhook_delivery_order ON brokergraph.webhook_delivery (webhook_id, instruction_id, seq)
    WHERE parked_at IS NULL;
