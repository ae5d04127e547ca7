-- The vendors' own examples with all digits, and a few clients for cases that the examples lack.
-- Servers and CRM connections (sandbox/settings.py) are loaded before this file.

INSERT INTO hyper.system_settings VALUES ('ILS');

-- The texts of 5 and 2 are from the document [D, H-1244]. The others are made up.
INSERT INTO hyper.handling_status VALUES
    (0, 'חדש'), (1, 'במעקב'), (2, 'במעקב + פגישה / הצעת מחיר'), (3, 'לקוח לא מעוניין'),
    (4, 'לקוח מאושר'), (5, 'לקוח אמיתי'), (6, 'לא פעיל / מושעה');
INSERT INTO hyper.web_account_status VALUES
    (0, 'חסום'), (1, 'ממתין לאישור'), (2, 'מאושר / פעיל'), (3, 'מוקפא (קריאה בלבד)');

-- With these rates the balances have the values of the document. TRY has no rate on purpose.
INSERT INTO hyper.currency_rates VALUES
    ('ILS', 1, '2026-01-05 10:00+00'), ('USD', 2.99999, '2026-01-05 10:00+00'), ('EUR', 3.6412, '2026-01-05 10:00+00'),
    ('GBP', 4.2155, '2026-01-05 10:00+00'), ('BTC', 232915.31, '2026-01-05 10:00+00'),
    ('ETH', 6963.533, '2026-01-05 10:00+00'), ('USDT', 2.9987, '2026-01-05 10:00+00');

INSERT INTO hyper.clients
    (client_number, agency, last_name, first_name, client_full_name, email, handling_status, locked_name_and_id,
     crm_user_id, created_on, phone)
SELECT n, agency, last, first, first || ' ' || last, email, status, locked, 'C' || lpad(n::text, 7, '0'),
       '2016-10-05 12:00+00', '97250' || lpad(n::text, 7, '1')
FROM (VALUES
    (500608, 0, 'Ben-David', 'Noa',       'noa.ben-david@example.com',  5, true),   -- [D, H-1244]
    (500014, 1, 'Levi',      'Amir',      'amir.levi@example.com',      4, true),   -- [D, H-1675] no account yet
    (500021, 2, 'Rosen',     'Dana',      'dana.rosen@example.com',     5, true),   -- [D, H-1675] has account 55521
    (500030, 3, 'Okafor',    'Chidi',     NULL,                         0, false),  -- no website record
    (500031, 4, 'Novák',     'Jiří',      'jiri.novak@example.com',     9, true),   -- unknown statuses
    (500032, 5, 'Yılmaz',    'Elif',      'elif.yilmaz@example.com',    4, false),  -- not locked; a currency without a rate
    (500033, 1, 'Smith',     'Ada',       'ada.smith@example.com',      5, true),   -- an account on a server not configured
    (500034, 1, 'Müller',    'Jörg',      'joerg.mueller@example.com',  6, true),
    (500035, 2, 'Κανέλλος',  'Νίκος',     'nikos.kanellos@example.com', 1, false),
    (500036, 3, 'Иванова',   'Ольга',     'olga.ivanova@example.com',   2, false),
    (500037, 0, '王',        '小明',      'xiaoming.wang@example.com',  3, false)
) AS c (n, agency, last, first, email, status, locked);

INSERT INTO hyper.clients_website_ext_record VALUES
    (500608, 2, '8Lba7u5smABC'),                -- [D, H-1244]
    (500014, 2, 'S0wUqUWvujCf'),                -- [D, H-1675]
    (500021, 2, 'Dr5Kx0PqT21a'),
    (500031, 7, 'Jn3Vb8WmZq90'), (500032, 3, 'Ey6Ru1CvBn42'), (500033, 2, 'As7Tg2HyUj83'), (500034, 0, 'Jm4Ko9LpQw15'),
    (500035, 1, 'Nk2Xs6EdCr74'), (500036, 1, 'Oi8Fv3TgBy51'), (500037, 1, 'Xw1Hn5UjMk68');

-- Some balances have several entries, because a balance is a sum.
INSERT INTO hyper.journal (client_number, currency, amount, reference_document_type, description, bk_entry_date) VALUES
    (500608, 'BTC', 0.11000000,  '02', 'Receipt',             '2025-02-11'),
    (500608, 'BTC', -0.00209039, '04', 'Refund',              '2025-03-02'),
    (500608, 'ETH', 2.47121843,  '02', 'Receipt',             '2025-02-12'),
    (500608, 'ILS', 30000.00,    '02', 'Receipt',             '2025-01-07'),
    (500608, 'ILS', -2646.00,    '12', 'Currency conversion', '2025-01-09'),
    (500608, 'USD', 1064.15,     '02', 'Receipt',             '2025-01-09'),
    (500608, 'EUR', 250.00,      '02', 'Receipt',             '2025-04-01'),
    (500608, 'EUR', -250.00,     '04', 'Refund',              '2025-04-08'),   -- zero: left out of the view
    (500021, 'USD', 1500.00,     '02', 'Receipt',             '2025-05-20'),
    (500031, 'EUR', -12.50,      '13', 'FX revaluation',      '2025-06-30'),   -- a debt
    (500032, 'TRY', 41250.75,    '02', 'Receipt',             '2025-07-15'),
    (500032, 'ILS', 100.00,      '02', 'Receipt',             '2025-07-15');
INSERT INTO hyper.secured_amounts VALUES
    (500608, 'ILS', 1500.00, 'Margin (V.A.R)'), (500608, 'ILS', 500.00, 'Tax deduction');

INSERT INTO platform.account
    (server, login, client_number, group_name, currency, leverage, balance, floating, margin, registered_local)
VALUES
    ('R1', 55521,   500021, 'Basic_IL2', 'USD', 100, 18270.84, 0,      0,       '2019-03-04 09:15:00'),  -- [D, H-1675]
    ('R1', 61436,   500608, 'Basic_IL2', 'USD', 100, 5000.00,  125.50, 1000.00, '2020-06-01 11:30:00'),
    ('L1', 3004272, 500608, 'Default',   'EUR', 20,  2500.00,  0,      0,       '2016-10-05 15:52:47'),  -- [D, L-bw]
    ('L1', 3004273, 500608, 'HFT',       'USD', 300, 10750.40, 0,      0,       '2016-10-06 16:02:17'),  -- [D, L-bw]
    ('A1', 71001,   500033, 'AxisStd',   'USD', 400, 300.00,   -4.20,  30.00,   '2021-09-13 08:00:00'),
    ('R3', 81001,   500034, 'Classic',   'USD', 200, 0.00,     0,      0,       '2022-01-17 17:45:00');
UPDATE platform.account a
SET name = c.client_full_name, email = coalesce(c.email, ''), crm_user_id = c.crm_user_id
FROM hyper.clients c
WHERE c.client_number = a.client_number;
UPDATE platform.account SET enabled = false WHERE server = 'R3' AND login = 81001;

INSERT INTO hyper.tpm_account_status VALUES
    ('X9', '9001', 500033, 'M2M', 3, 'Liquidity', 'USD', 77.70, 77.70, 0.00, '2026-01-05 10:00+00'),
    ('X9', '9002', 500033, 'M2M', 7, NULL, NULL, NULL, NULL, NULL, NULL);

INSERT INTO crm.user_account (id, name, email, client_number)
SELECT crm_user_id, client_full_name, coalesce(email, ''), client_number
FROM hyper.clients;
