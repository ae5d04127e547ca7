-- What each caller may still ask for in a minute, where processes share it: docs/limits.md. Not logged, because a crash
-- that fills every bucket harms nobody; half-empty pages, because rows are changed in place all the time.
CREATE UNLOGGED TABLE brokergraph.budget (
    principal text PRIMARY KEY,
    level bigint NOT NULL,        -- what is left, times 60,000
    at_ms bigint NOT NULL,        -- when that was, in milliseconds of this database's clock
    granted boolean NOT NULL      -- what became of the last draw
) WITH (fillfactor = 50);
