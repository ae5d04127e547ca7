-- A snapshot of all clients' total balances, for lists that are sorted by the total (upstreams/state/client_totals.py).
CREATE TABLE brokergraph.lease (
    name  text PRIMARY KEY,
    until timestamptz NOT NULL
);

CREATE TABLE brokergraph.client_total_rebuild (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    as_of  timestamptz NOT NULL
);

CREATE TABLE brokergraph.client_total (
    rebuild       bigint NOT NULL REFERENCES brokergraph.client_total_rebuild ON DELETE CASCADE,
    client_number integer NOT NULL,
    agency        integer,
    erp_status    integer,
    web_status    integer,
    total         numeric,           -- in the accounting currency; null: a rate is missing
    sums          jsonb NOT NULL,    -- by currency: the texts of balance, cash and value
    PRIMARY KEY (rebuild, client_number)
);
CREATE INDEX client_total_order ON brokergraph.client_total (rebuild, total, client_number);
