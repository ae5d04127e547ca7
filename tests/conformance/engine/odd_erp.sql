-- An ERP that says odd things in places where the contract lets it, and in some where it does not. Its tables have the
-- columns of the contract.
SET search_path = brokergraph_erp;
INSERT INTO accounting_currency VALUES ('ILS');

-- 1 to 99: nothing that cannot be said, most of it of agency 1.
INSERT INTO client VALUES
    (1, 'Plain', 'plain@example.com', 1, 4, 'Approved', true, NULL),
    (2, NULL, NULL, 1, 5, NULL, true, NULL),
    (3, '', '', 1, 0, '', NULL, NULL),
    (4, E'Quote " back \\ slash / nl \n cr \r tab \t bs \b ff \f', E'a''b@c', 1, 99, E'"{}[],:', false, NULL),
    (5, E'control \x01 \x02 \x1e \x1f \x7f', E'\x01\x1f\x01', 1, -1, E'\x02', true, NULL),
    (6, E'שלום 😀 \u2028 é ß', 'é@ü.example', 1, 6, 'לקוח', true, NULL),
    (7, 'null', 'NULL', -5, 3, 'null', true, NULL),
    (8, '$1 {visible} %s \x01 ''; --', NULL, 2147483647, 2147483647, NULL, true, NULL);
INSERT INTO client SELECT n, 'Client ' || n, NULL, n % 2, n % 8, NULL, n % 2 = 0, NULL FROM generate_series(20, 60) n;
INSERT INTO web_status VALUES
    (1, 2, 'Approved'), (2, 3, NULL), (3, 9, ''), (4, 0, E'"\\\n'), (5, -1, NULL), (6, 1, 'ממתין');
INSERT INTO web_status SELECT n, n % 5, CASE WHEN n % 4 = 0 THEN 'said' END FROM generate_series(20, 60) n WHERE n % 3 > 0;
INSERT INTO trading_account VALUES
    ('R1', '100', 1, 'MT4', 3, 'Default', 'USD', 12.5, 12.345678, 0, '2026-01-31 12:00:00.123456+00'),
    ('R1', '99', 1, 'MT5', 2, NULL, 'JPY', 1000, 1000.50, NULL, '1969-12-31 23:59:59.9999+00'),
    ('ZZ', 'a"b/c', 1, 'cTrader', 77, '"', 'BTC', 0.000000001, -0.5, 1e20, NULL),
    ('L1', 'שלום', 2, 'MTR', 0, '', NULL, 5.10, 5.1000, 0.00, '2026-06-30 00:00:00+03'),
    ('L1', '2', 2, 'CTRADER', -1, 'g', 'usd', 12345678901234567890.123456789, 1e-12, 3, '2026-06-30 00:00:00.0006+00'),
    ('', '', 3, '', 1, 'g', '', 1, 1, 1, '0099-01-01 00:00:00+00'),
    (E'\x01' || '0' || E'\x01', E'\x01\x02', 5, 'MT4', 1, 'g', 'USD', 1, 1, 1, NULL);
INSERT INTO trading_account
    SELECT (ARRAY['R1', 'R2', 'L1', 'A1'])[1 + (n + k) % 4], (900 * k + n)::text, n, (ARRAY['MT4', 'MT5', 'X'])[1 + k % 3], k,
           'g' || k, (ARRAY['USD', 'KWD', 'ETH', 'EUR'])[1 + n % 4], n * k / 7.0, n, k, now()
    FROM generate_series(20, 60) n, generate_series(1, 7) k WHERE n % 4 > 0 AND k <= n % 8;
INSERT INTO currency_balance VALUES
    (1, 'USD', 10, 5, 30), (1, 'ILS', -1.5, 0, -1.50), (1, 'ZERO', 0, 0, 0), (1, 'JPY', 7.00, 7.5, 0.2),
    (2, 'BTC', 0.1, 0.00000001, NULL), (2, 'USD', 1, 1, 3),
    (3, 'KWD', 1.23456, 1, 12.3456789), (3, 'WEI"RD', 1e20, 1e-20, 1e20), (3, '', 1, 1, 1),
    (4, 'ETH', 123456789012345678.123456789012345678, 1, 1);
INSERT INTO currency_balance
    SELECT n, c, n * 1.1, n, CASE WHEN n % 9 > 0 OR c = 'USD' THEN n * 3.3 END
    FROM generate_series(20, 60) n, unnest(ARRAY['BTC', 'EUR', 'JPY', 'USD']) c WHERE n % 5 > 0;

-- From 100 on, each row is an error or has a value that cannot be printed.
INSERT INTO client VALUES
    (100, 'no agency', NULL, NULL, 4, NULL, true, NULL), (101, 'no status', NULL, 2, NULL, NULL, true, NULL),
    (102, 'NaN', NULL, 2, 1, NULL, true, NULL), (103, 'no code', NULL, 2, 1, NULL, true, NULL),
    (104, 'infinite', NULL, 2, 1, NULL, true, NULL), (105, 'no balance', NULL, 2, 1, NULL, true, NULL),
    (106, 'no platform', NULL, 2, 1, NULL, true, NULL), (107, 'two in one', NULL, 2, 1, NULL, true, NULL),
    (108, 'one and a half', NULL, 2, 1, NULL, true, NULL);
INSERT INTO web_status VALUES (103, NULL, 'x');
INSERT INTO currency_balance VALUES (102, 'USD', 'NaN', 1, 'NaN'), (104, 'USD', 'Infinity', 1, 1), (105, 'USD', 1, NULL, 1),
    (105, NULL, 1, 1, 1);
INSERT INTO trading_account VALUES
    ('R1', 'nan', 102, 'MT4', 1, 'g', 'USD', 'NaN', 1, 1, NULL), ('R1', 'none', 106, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (E'R1\x1f61436', 'x', 107, 'MT4', 1, 'g', 'USD', 1, 1, 1, NULL),
    ('R1', E'61436\x1f', 108, 'MT4', 1, 'g', 'USD', 1, 1, 1, NULL);
