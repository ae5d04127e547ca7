-- The live figures that streams watch, shared by all processes: docs/subscriptions.md. The tables are unlogged, because
-- their rows are of some seconds only.
CREATE UNLOGGED TABLE brokergraph.poll_turn (
    poll  text PRIMARY KEY,
    until timestamptz NOT NULL      -- until then the stored figures are fresh, and no process reads the source
);

CREATE UNLOGGED TABLE brokergraph.poll_key (
    poll    text NOT NULL,
    key     text NOT NULL,
    seconds double precision NOT NULL,
    until   timestamptz NOT NULL,   -- until then a process watches the key
    PRIMARY KEY (poll, key)
);

CREATE UNLOGGED TABLE brokergraph.poll_value (
    poll  text NOT NULL,
    key   text NOT NULL,
    value text NOT NULL,
    at    timestamptz NOT NULL,
    PRIMARY KEY (poll, key)
);
