-- The state of the trading platforms: MT4, MT5 and cTrader servers, whichever vendor's API is in front of them.
-- Only the sandbox's vendor servers use it. The synchroniser copies figures to the ERP.
CREATE SCHEMA platform;

-- `face` is the vendor of the server's API. `vendor_id` is the id that this vendor gives the server.
CREATE TABLE platform.server (
    name        text PRIMARY KEY,               -- the ERP's data source: R1
    platform    text NOT NULL,                  -- MT4, MT5, CTRADER
    face        text NOT NULL,                  -- cplugin, broker_work, broctagon, mt5_web
    vendor_id   text NOT NULL,                  -- trade platform GUID, serverId, connection_id or manager login
    timezone    text NOT NULL,
    next_login  bigint NOT NULL,
    next_ticket bigint NOT NULL,
    is_demo     boolean NOT NULL DEFAULT false
);

CREATE TABLE platform.account_group (
    server   text NOT NULL REFERENCES platform.server,
    name     text NOT NULL,
    currency text NOT NULL,
    leverage integer NOT NULL DEFAULT 100,
    PRIMARY KEY (server, name)
);

CREATE TABLE platform.account (
    server           text NOT NULL REFERENCES platform.server,
    login            bigint NOT NULL,
    client_number    integer,                   -- the ERP's client of the account
    crm_user_id      text,
    name             text NOT NULL DEFAULT '',
    email            text NOT NULL DEFAULT '',
    group_name       text NOT NULL,
    currency         text NOT NULL,
    leverage         numeric NOT NULL DEFAULT 100,
    balance          numeric(24, 8) NOT NULL DEFAULT 0,
    credit           numeric(24, 8) NOT NULL DEFAULT 0,
    floating         numeric(24, 8) NOT NULL DEFAULT 0, -- profit of open trades: equity = balance + credit + floating
    margin           numeric(24, 8) NOT NULL DEFAULT 0,
    enabled          boolean NOT NULL DEFAULT true,
    read_only        boolean NOT NULL DEFAULT false,
    send_reports     boolean NOT NULL DEFAULT false,
    has_password     boolean NOT NULL DEFAULT true,     -- false between UserRecordNew and UserPasswordSet
    password_sha256  bytea,
    lead_source      text NOT NULL DEFAULT '',
    comment          text NOT NULL DEFAULT '',
    external_id      text NOT NULL DEFAULT '',
    registered_local timestamp NOT NULL,                -- local time of the server, as on the platforms
    -- only cTrader has these
    account_type     text NOT NULL DEFAULT 'HEDGED',
    total_margin_calculation text NOT NULL DEFAULT 'MAX',
    max_leverage     numeric NOT NULL DEFAULT 0,
    swap_free        boolean NOT NULL DEFAULT false,
    french_risk      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (server, login)
);
CREATE INDEX account_client ON platform.account (client_number);
CREATE INDEX account_crm_user ON platform.account (crm_user_id);

-- Balance operations, one row each, which never change. Tests compare deposits with them.
CREATE TABLE platform.deal (
    server     text NOT NULL,
    ticket     bigint NOT NULL,
    login      bigint NOT NULL,
    command    text NOT NULL,                   -- Balance, Credit
    amount     numeric(24, 8) NOT NULL,
    comment    text NOT NULL,                   -- at most 31 bytes
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (server, ticket),
    FOREIGN KEY (server, login) REFERENCES platform.account
);
CREATE INDEX deal_login ON platform.deal (server, login);

-- The Idempotency-Keys of CPlugin v2: an answered key is kept for one minute, a doubtful one for an hour.
CREATE TABLE platform.idempotency_key (
    connection   text NOT NULL,
    key          text NOT NULL,
    body_sha256  bytea NOT NULL,
    status       text NOT NULL,                 -- running, answered, unknown
    answer       text,
    touched_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (connection, key)
);

-- Broctagon's CRM: users, connections, account types and requests to open an account.
CREATE SCHEMA crm;
CREATE TABLE crm.user_account (
    id    text PRIMARY KEY,                     -- 8 characters
    name  text NOT NULL,
    email text NOT NULL,
    client_number integer NOT NULL UNIQUE
);
CREATE TABLE crm.connection (
    id       text PRIMARY KEY,
    platform text NOT NULL,                     -- mt4, mt5, mtr, wta, ctrader, fortex
    server   text,                              -- platform.server.name, for mt4
    is_demo  boolean NOT NULL DEFAULT false,
    account_limit integer NOT NULL DEFAULT 10
);
CREATE TABLE crm.account_type (
    id            text PRIMARY KEY,
    connection_id text NOT NULL REFERENCES crm.connection
);
CREATE TABLE crm.account_request (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id       text NOT NULL,
    platform      text NOT NULL,
    connection_id text NOT NULL,
    body          jsonb NOT NULL,
    status        text NOT NULL DEFAULT 'pending',
    at            timestamptz NOT NULL DEFAULT clock_timestamp()
);
