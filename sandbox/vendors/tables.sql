-- The vendor servers' own tables. This file may run at every start.

-- Hyper's token pair of its connection: the access token and the refresh token.
CREATE TABLE IF NOT EXISTS platform.hyper_token (
    kind       text PRIMARY KEY,                -- access, refresh
    token      text NOT NULL,
    expires_at timestamptz                      -- the refresh token never expires
);

-- CPlugin's bearer tokens.
CREATE TABLE IF NOT EXISTS platform.cplugin_token (
    token_sha256 bytea PRIMARY KEY,
    expires_at   timestamptz NOT NULL
);

-- Comments of deposits that Broctagon has seen. They are whole, although MT4 keeps 31 bytes.
CREATE TABLE IF NOT EXISTS crm.deposit_comment (
    connection_id text NOT NULL,
    comment       text NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (connection_id, comment)
);
