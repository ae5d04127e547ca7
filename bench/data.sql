-- 100,000 clients, each with a web status, two trading accounts and four balances: the tables that every peer reads, the
-- views through which brokergraph reads them, and the functions that PostGraphile needs to say the same.
DROP SCHEMA IF EXISTS app CASCADE;
DROP SCHEMA IF EXISTS brokergraph_erp CASCADE;
CREATE SCHEMA app;
SET search_path = app;
SELECT setseed(0.42);

CREATE TABLE clients (client_number integer PRIMARY KEY, name text NOT NULL, erp_status integer NOT NULL);
CREATE TABLE web_status (
    client_number integer PRIMARY KEY REFERENCES clients, code integer NOT NULL, text text NOT NULL);
CREATE TABLE trading_accounts (
    server text NOT NULL, login text NOT NULL, client_number integer NOT NULL REFERENCES clients, platform text NOT NULL,
    "group" text NOT NULL, currency text NOT NULL, status integer NOT NULL, PRIMARY KEY (server, login));
CREATE TABLE rates (currency text PRIMARY KEY, rate numeric NOT NULL);
CREATE TABLE currency_balances (
    client_number integer NOT NULL REFERENCES clients, currency text NOT NULL REFERENCES rates, balance numeric NOT NULL,
    cash numeric NOT NULL, PRIMARY KEY (client_number, currency));

INSERT INTO rates VALUES ('BTC', 232917.63), ('ETH', 6963.55), ('ILS', 1), ('USD', 3);
INSERT INTO clients SELECT 500000 + i, 'Client ' || i || ' ' || substr(md5(i::text), 1, 8), i % 7
    FROM generate_series(1, 100000) i;
INSERT INTO web_status
    SELECT 500000 + i, c, (ARRAY['Blocked', 'Pending Approval', 'Approved', 'On Hold'])[c + 1]
    FROM (SELECT i, (i * 7) % 4 AS c FROM generate_series(1, 100000) i) t;
INSERT INTO trading_accounts
    SELECT 'L' || k + 1, (3000000 + 2 * i + k)::text, 500000 + i, CASE k WHEN 0 THEN 'MT4' ELSE 'MT5' END,
           (ARRAY['Default', 'HFT', 'Basic_IL2'])[(i + k) % 3 + 1], (ARRAY['USD', 'EUR'])[(i + k) % 2 + 1],
           (i * 3 + k) % 3 + 1
    FROM generate_series(1, 100000) i, generate_series(0, 1) k;
INSERT INTO currency_balances
    SELECT 500000 + i, c, round((random() * 20000)::numeric, p), round((random() * 10000)::numeric, p)
    FROM generate_series(1, 100000) i,
         (VALUES ('BTC', 8), ('ETH', 8), ('ILS', 2), ('USD', 2)) AS currencies (c, p);
CREATE INDEX ON trading_accounts (client_number, server, login);

-- PostGraphile's computed columns and ways in.
CREATE FUNCTION currency_balances_value(b currency_balances) RETURNS numeric LANGUAGE sql STABLE AS
    $$ SELECT round(b.balance * r.rate, 2) FROM app.rates r WHERE r.currency = b.currency $$;
CREATE FUNCTION clients_total_floating_balance(c clients) RETURNS numeric LANGUAGE sql STABLE AS
    $$ SELECT sum(round(b.balance * r.rate, 2)) FROM app.currency_balances b JOIN app.rates r USING (currency)
       WHERE b.client_number = c.client_number $$;
CREATE FUNCTION clients_page(after_number integer, n integer) RETURNS SETOF clients LANGUAGE sql STABLE AS
    $$ SELECT * FROM app.clients WHERE client_number > after_number ORDER BY client_number LIMIT n $$;
CREATE FUNCTION one_client(number integer) RETURNS clients LANGUAGE sql STABLE AS
    $$ SELECT * FROM app.clients WHERE client_number = number $$;

CREATE SCHEMA brokergraph_erp;
CREATE VIEW brokergraph_erp.client AS
    SELECT client_number, name AS full_name, NULL::text AS email, 0 AS agency, erp_status, NULL::text AS erp_status_text,
           false AS identity_locked, NULL::text AS crm_user_id FROM clients;
CREATE VIEW brokergraph_erp.web_status AS
    SELECT client_number, code AS web_status, text AS web_status_text FROM web_status;
CREATE VIEW brokergraph_erp.api_password AS
    SELECT NULL::integer AS client_number, NULL::text AS api_password WHERE false;
CREATE VIEW brokergraph_erp.trading_account AS
    SELECT server, login, client_number, platform, status, "group" AS group_name, currency, NULL::numeric AS balance,
           NULL::numeric AS equity, NULL::numeric AS margin, NULL::timestamptz AS synced_at FROM trading_accounts;
CREATE VIEW brokergraph_erp.currency_balance AS
    SELECT b.client_number, b.currency, b.balance, b.cash, round(b.balance * r.rate, 2) AS value
    FROM currency_balances b JOIN rates r USING (currency);
CREATE VIEW brokergraph_erp.accounting_currency AS SELECT 'ILS'::text AS currency;
VACUUM ANALYZE;
