-- The nightly check of the trading servers' books, one row for each night. One process of several runs it: docs/trades.md.
CREATE TABLE brokergraph.books_check (
    day date PRIMARY KEY,
    leased_until timestamptz NOT NULL,    -- a process that ends during the check leaves it to another one
    done boolean NOT NULL DEFAULT false
);
