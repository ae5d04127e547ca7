-- The ERP of the sandbox, after Hyper's model [D, H-T1386, H-T1375, H-T1101, H-1675, H-1244], and the contract of views
-- over it that brokergraph reads (docs/erp-views.md). Indexes that a load does not need are in erp_indexes.sql.
CREATE SCHEMA hyper;

CREATE TABLE hyper.system_settings (
    accounting_currency text NOT NULL           -- follows the country where the company is registered
);

-- Texts are localised. Programs decide by the integers [D, H-1244].
CREATE TABLE hyper.handling_status (
    status      integer PRIMARY KEY,
    status_text text NOT NULL
);
CREATE TABLE hyper.web_account_status (
    status      integer PRIMARY KEY,
    status_text text NOT NULL
);

CREATE TABLE hyper.clients (
    client_number      integer PRIMARY KEY,
    agency             integer NOT NULL,        -- 0 is a real branch
    last_name          text NOT NULL,
    first_name         text NOT NULL,
    client_full_name   text NOT NULL,
    email              text,
    handling_status    integer NOT NULL,        -- 0..6, and other values in newer versions
    locked_name_and_id boolean NOT NULL,
    crm_user_id        text,                    -- Broctagon's id of the same person
    created_on         timestamptz NOT NULL,
    phone              text,                    -- digits alone, with the country code
    search             tsvector GENERATED ALWAYS AS (
        to_tsvector('simple', client_full_name)
        || array_to_tsvector(array_remove(ARRAY[nullif(lower(email), ''), nullif(phone, '')], NULL))) STORED
);

CREATE TABLE hyper.clients_website_ext_record (
    client_number      integer PRIMARY KEY,
    web_account_status integer NOT NULL,
    api_password       text NOT NULL
);

CREATE TABLE hyper.trading_systems_list (
    data_source      text PRIMARY KEY CHECK (length(data_source) = 2),
    tp_friendly_name text NOT NULL,
    platform_type    text NOT NULL,
    time_zone        text NOT NULL
);

CREATE TABLE hyper.tpm_account_status (
    data_source   text NOT NULL,
    account_login text NOT NULL,
    client_number integer NOT NULL,
    platform      text NOT NULL,
    status        integer NOT NULL,             -- 0 Unknown, 1 Closed, 2 Readonly, 3 Active [I, H-1675]
    group_name    text,
    currency      text,
    balance       numeric,
    equity        numeric,
    margin        numeric,
    synced_at     timestamptz,                  -- when these figures were copied
    PRIMARY KEY (data_source, account_login)
);

CREATE TABLE hyper.journal (
    entry_id                bigint GENERATED ALWAYS AS IDENTITY,
    client_number           integer NOT NULL,
    currency                text NOT NULL CHECK (length(currency) <= 5),
    amount                  numeric NOT NULL,
    reference_document_type text NOT NULL,      -- 02 receipt, 04 refund, 12 conversion, 13 FX revaluation
    description             text NOT NULL,
    bk_entry_date           date NOT NULL
);

-- Sums that a client cannot withdraw: pending withdrawals, limit orders, margin, tax.
CREATE TABLE hyper.secured_amounts (
    client_number integer NOT NULL,
    currency      text NOT NULL,
    amount        numeric NOT NULL CHECK (amount > 0),
    reason        text NOT NULL
);

CREATE TABLE hyper.currency_rates (
    currency  text PRIMARY KEY,
    rate      numeric NOT NULL CHECK (rate > 0), -- one unit, in the accounting currency
    quoted_at timestamptz NOT NULL
);

-- An amount with two places, or with more if they are not zero.
CREATE FUNCTION hyper.money(amount numeric) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    'SELECT CASE WHEN amount = round(amount, 2) THEN round(amount, 2) ELSE trim_scale(amount) END';

CREATE SCHEMA brokergraph_erp;

CREATE VIEW brokergraph_erp.client AS
SELECT c.client_number, c.client_full_name AS full_name, c.email, c.agency, c.handling_status AS erp_status,
       s.status_text AS erp_status_text, c.locked_name_and_id AS identity_locked, c.crm_user_id, c.phone,
       c.created_on AS created_at, c.search
FROM hyper.clients c
LEFT JOIN hyper.handling_status s ON s.status = c.handling_status;

CREATE VIEW brokergraph_erp.web_status AS
SELECT w.client_number, w.web_account_status AS web_status, s.status_text AS web_status_text
FROM hyper.clients_website_ext_record w
LEFT JOIN hyper.web_account_status s ON s.status = w.web_account_status;

CREATE VIEW brokergraph_erp.api_password AS
SELECT client_number, api_password
FROM hyper.clients_website_ext_record;

CREATE VIEW brokergraph_erp.trading_account AS
SELECT t.data_source AS server, t.account_login AS login, t.client_number, t.platform, t.status, t.group_name, t.currency,
       t.balance, t.equity, t.margin, t.synced_at
FROM hyper.tpm_account_status t;

-- The secured sum is read row by row, because a join of two sums would read the whole table for one client.
CREATE VIEW brokergraph_erp.currency_balance AS
SELECT b.client_number, b.currency, b.balance,
       b.balance - coalesce((SELECT sum(s.amount) FROM hyper.secured_amounts s
                             WHERE s.client_number = b.client_number AND s.currency = b.currency), 0) AS cash,
       round(b.balance * r.rate, 2) AS value
FROM (SELECT client_number, currency, sum(amount) AS balance
      FROM hyper.journal
      GROUP BY client_number, currency
      HAVING sum(amount) <> 0) b
LEFT JOIN hyper.currency_rates r ON r.currency = b.currency;

CREATE VIEW brokergraph_erp.accounting_currency AS
SELECT accounting_currency AS currency
FROM hyper.system_settings;

-- The graph reads the views and creates its own schema. It cannot read the ERP's tables.
GRANT USAGE ON SCHEMA brokergraph_erp TO brokergraph;
GRANT SELECT ON ALL TABLES IN SCHEMA brokergraph_erp TO brokergraph;

-- The parameters of the load. The row is written last, so that a killed load has none.
CREATE SCHEMA sandbox;
CREATE TABLE sandbox.load (
    clients     integer NOT NULL,
    fingerprint text NOT NULL,
    at          timestamptz NOT NULL DEFAULT clock_timestamp()
);
