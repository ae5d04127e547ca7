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

-- Differences that the check of the books finds (AdmBalanceCheck). There are none, unless a test or a demo inserts one.
CREATE TABLE IF NOT EXISTS platform.books_difference (
    server text NOT NULL,
    login  bigint NOT NULL,
    diff   numeric(24, 8) NOT NULL,
    PRIMARY KEY (server, login)
);

-- The symbols of the trades, with their digits and prices.
CREATE OR REPLACE VIEW platform.symbol AS
SELECT * FROM (VALUES (0, 'EURUSD', 5, 1.08500), (1, 'USDJPY', 3, 147.250), (2, 'XAUUSD', 2, 2315.40),
                      (3, 'GBPUSD', 5, 1.27000)) AS s (number, name, digits, price);

-- Open trades of an account with a margin or a floating profit: two trades, and for some accounts a pending order. They
-- are computed from the account, so that profit, swap and commission always add up to its floating profit.
CREATE OR REPLACE VIEW platform.open_trade AS
SELECT a.server, a.login, a.group_name, 500000000 + (a.login % 300000000) * 4 + k AS ticket, s.name AS symbol, s.digits,
       CASE WHEN k = 2 THEN 'BuyLimit' WHEN (a.login + k) % 2 = 0 THEN 'Buy' ELSE 'Sell' END AS command,
       10 * (1 + k + a.login % 7) AS volume,
       s.price - (a.login % 40) * power(10::numeric, -s.digits) AS open_price, s.price AS close_price,
       CASE WHEN k = 0 THEN s.price * 0.9 ELSE 0 END AS sl, CASE WHEN k = 0 THEN s.price * 1.1 ELSE 0 END AS tp,
       CASE k WHEN 0 THEN a.floating + 4.50 WHEN 1 THEN 2.00 ELSE 0 END AS profit,
       CASE k WHEN 0 THEN -1.50 ELSE 0 END AS swap, CASE k WHEN 0 THEN -3.00 WHEN 1 THEN -2.00 ELSE 0 END AS commission,
       timestamp '2026-02-02 09:00' + (a.login % 50) * interval '1 day' + k * interval '1 hour' AS opened_local,
       NULL::timestamp AS closed_local
FROM platform.account a
CROSS JOIN LATERAL generate_series(0, CASE WHEN a.login % 3 = 0 THEN 2 ELSE 1 END) k
JOIN platform.symbol s ON s.number = (a.login + k) % 4
WHERE a.margin <> 0 OR a.floating <> 0;

-- Up to six closed trades of each account, from January 2025 and the account's registration on. The fourth and the fifth
-- were opened long before.
CREATE OR REPLACE VIEW platform.closed_trade AS
SELECT a.server, a.login, a.group_name, 1000000000 + (a.login % 60000000) * 16 + k AS ticket, s.name AS symbol,
       s.digits, CASE WHEN (a.login + k) % 2 = 0 THEN 'Sell' ELSE 'Buy' END AS command,
       10 * (1 + k + a.login % 5) AS volume, s.price AS open_price,
       s.price + (20 - a.login % 40) * power(10::numeric, -s.digits) AS close_price, 0::numeric AS sl, 0::numeric AS tp,
       (a.login * (k + 3) % 40001 - 20000) * 0.01 AS profit, -0.35 * k AS swap, -0.70 * (k + 1) AS commission,
       o.day + interval '8 hours' AS opened_local,
       d.day + interval '12 hours' + a.login % 600 * interval '1 minute' AS closed_local
FROM platform.account a
CROSS JOIN LATERAL generate_series(0, (a.login % 6)::integer) k
CROSS JOIN LATERAL (SELECT timestamp '2025-01-06' + (a.login % 20 + k * 77) * interval '1 day') AS d (day)
CROSS JOIN LATERAL (SELECT d.day - CASE k WHEN 3 THEN 30 WHEN 4 THEN 200 ELSE 0 END * interval '1 day') AS o (day)
JOIN platform.symbol s ON s.number = (a.login + k) % 4
WHERE o.day >= a.registered_local;
