-- A snapshot of all clients' total balances, for lists that are sorted by the total and for sums over many clients and
-- accounts (upstreams/state/client_totals.py).
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

CREATE TABLE brokergraph.client_sum (
    rebuild    bigint NOT NULL REFERENCES brokergraph.client_total_rebuild ON DELETE CASCADE,
    agency     integer,
    erp_status integer,
    web_status integer,
    currency   text,               -- null: all clients, also those without balances; empty: the ERP has a null
    clients    bigint NOT NULL,
    balance    numeric,
    cash       numeric,
    value      numeric             -- in the accounting currency; null: a rate is missing
);
CREATE INDEX client_sum_rebuild ON brokergraph.client_sum (rebuild, agency);

CREATE TABLE brokergraph.account_sum (
    rebuild    bigint NOT NULL REFERENCES brokergraph.client_total_rebuild ON DELETE CASCADE,
    agency     integer,
    server     text,
    platform   text,
    status     integer,
    group_name text,
    currency   text,
    accounts   bigint NOT NULL,
    balance    numeric,            -- null: a figure is missing, also in the next two columns
    equity     numeric,
    margin     numeric
);
CREATE INDEX account_sum_rebuild ON brokergraph.account_sum (rebuild, agency);
