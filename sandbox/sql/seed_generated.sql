-- Generated clients. Each is a pure function of its number, so that it is the same on every machine.
CREATE SCHEMA seed;

CREATE FUNCTION seed.pick(n bigint, salt bigint, size integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    'SELECT ((hashint8extended(n, salt) & 9223372036854775807) % size)::integer';

-- Accounts are spread over these servers. A server has one row for each share that it gets.
CREATE TABLE seed.share (
    share  integer PRIMARY KEY,
    server text NOT NULL
);
CREATE TABLE seed.server (
    server         text PRIMARY KEY,
    platform       text NOT NULL,
    generated_from bigint NOT NULL,
    groups         integer NOT NULL
);
CREATE TABLE seed.server_group (
    server   text NOT NULL,
    ordinal  integer NOT NULL,
    name     text NOT NULL,
    currency text NOT NULL,
    leverage integer NOT NULL,
    PRIMARY KEY (server, ordinal)
);
CREATE TABLE seed.name (
    script integer PRIMARY KEY,
    firsts text[] NOT NULL,
    lasts  text[] NOT NULL
);
INSERT INTO seed.name VALUES
    (0, '{Anna,Peter,José,Zoë,Lukas,Siobhán,Øystein,Chloé}', '{Schmidt,"O''Neil",García,Dvořák,Łukasik,Nguyễn,Smith,Çelik}'),
    (1, '{נועה,דוד,מיכל,יוסף,תמר,אריאל,שירה,עידו}', '{כהן,לוי,מזרחי,פרץ,ביטון,דהן,אברהם,פרידמן}'),
    (2, '{Ольга,Иван,Мария,Сергей,Анна,Дмитрий,Елена,Павел}', '{Иванов,Петренко,Ковальчук,Соколов,Ткач,Мороз,Бойко,Орлов}'),
    (3, '{محمد,فاطمة,أحمد,ليلى,عمر,مريم,خالد,نور}', '{حداد,منصور,الخطيب,النجار,عثمان,سليمان,العلي,حسن}'),
    (4, '{Νίκος,Μαρία,Γιώργος,Ελένη,Κώστας,Σοφία,Άννα,Πέτρος}', '{Παππάς,Νικολάου,Γεωργίου,Οικονόμου,Βλάχος,Αγγέλου,Λάμπρου,Ράπτης}'),
    (5, '{小明,美玲,建国,丽华,志强,秀英,伟,芳}', '{王,李,张,刘,陈,杨,赵,黄}');

CREATE FUNCTION seed.clients(first_number integer, last_number integer)
RETURNS TABLE (client_number integer, last_name text, first_name text) LANGUAGE sql STABLE AS $$
    SELECT n, s.lasts[1 + seed.pick(n, 2, 8)], s.firsts[1 + seed.pick(n, 3, 8)]
    FROM generate_series(first_number, last_number) AS n
    JOIN seed.name s ON s.script = seed.pick(n, 1, 6);
$$;

-- 0 to 4 accounts a client. Account k of client n has the login generated_from + 4 (n - 600001) + k. One client in five
-- has one account more, on M1.
CREATE FUNCTION seed.accounts(first_number integer, last_number integer)
RETURNS TABLE (client_number integer, server text, login bigint, platform text, group_name text, currency text,
               leverage integer, draw integer, cents integer) LANGUAGE sql STABLE AS $$
    SELECT n, v.server, v.generated_from + 4 * (n - 600001)::bigint + k, v.platform, g.name, g.currency, g.leverage,
           seed.pick(n, 40 + k, 100), seed.pick(n, 50 + k, 5000000)
    FROM generate_series(first_number, last_number) AS n
    CROSS JOIN LATERAL generate_series(0, seed.pick(n, 10, 5) - 1) AS k
    JOIN seed.share h ON h.share = seed.pick(n, 20 + k, (SELECT count(*)::integer FROM seed.share))
    JOIN seed.server v ON v.server = h.server
    JOIN seed.server_group g ON g.server = v.server AND g.ordinal = seed.pick(n, 30 + k, v.groups)
    UNION ALL
    SELECT n, v.server, v.generated_from + n - 600001, v.platform, g.name, g.currency, g.leverage,
           seed.pick(n, 44, 100), seed.pick(n, 54, 5000000)
    FROM generate_series(first_number, last_number) AS n
    JOIN seed.server v ON v.server = 'M1'
    JOIN seed.server_group g ON g.server = v.server AND g.ordinal = seed.pick(n, 34, v.groups)
    WHERE seed.pick(n, 110, 5) = 0;
$$;

-- Each client has 0 to 6 of eight currencies. Crypto has eight digits, one balance in nine is a debt, and a few are
-- zero.
CREATE FUNCTION seed.holdings(first_number integer, last_number integer)
RETURNS TABLE (client_number integer, currency text, amount numeric, draw integer) LANGUAGE sql STABLE AS $$
    SELECT n, c.currency,
           CASE WHEN seed.pick(n, 90 + k, 9) = 0 THEN -1 ELSE 1 END * CASE
               WHEN c.currency IN ('BTC', 'ETH') THEN (1 + seed.pick(n, 80 + k, 900000000)) * 0.00000001
               ELSE (1 + seed.pick(n, 80 + k, 9000000)) * 0.01 END,
           seed.pick(n, 100 + k, 40)
    FROM generate_series(first_number, last_number) AS n
    CROSS JOIN LATERAL generate_series(0, seed.pick(n, 70, 7) - 1) AS k
    CROSS JOIN LATERAL (SELECT ('{ILS,USD,BTC,EUR,TRY,ETH,GBP,USDT}'::text[])[1 + (seed.pick(n, 71, 8) + k) % 8]) AS c (currency);
$$;

CREATE PROCEDURE seed.load_clients(first_number integer, last_number integer) LANGUAGE sql BEGIN ATOMIC
    INSERT INTO hyper.clients
        (client_number, agency, last_name, first_name, client_full_name, email, handling_status, locked_name_and_id,
         crm_user_id, created_on, phone)
    SELECT n.client_number, seed.pick(n.client_number, 4, 6), n.last_name, n.first_name,
           n.first_name || ' ' || n.last_name,
           CASE WHEN seed.pick(n.client_number, 5, 50) > 0 THEN 'client' || n.client_number || '@example.com' END,
           ('{0,1,2,3,4,4,4,5,5,5,5,5,5,5,5,5,5,6,6,9}'::integer[])[1 + seed.pick(n.client_number, 6, 20)],
           seed.pick(n.client_number, 7, 5) > 0, 'C' || lpad(n.client_number::text, 7, '0'),
           timestamptz '2015-01-01 00:00+00' + seed.pick(n.client_number, 8, 4000) * interval '1 day',
           CASE WHEN seed.pick(n.client_number, 9, 20) > 0 THEN '9725' || lpad(n.client_number::text, 8, '0') END
    FROM seed.clients(first_number, last_number) n;

    INSERT INTO hyper.clients_website_ext_record
    SELECT n, ('{0,1,2,2,2,2,2,2,2,3,3,7}'::integer[])[1 + seed.pick(n, 61, 12)], substr(md5('api' || n), 1, 12)
    FROM generate_series(first_number, last_number) n
    WHERE seed.pick(n, 60, 10) > 0;

    INSERT INTO crm.user_account (id, name, email, client_number)
    SELECT c.crm_user_id, c.client_full_name, coalesce(c.email, ''), c.client_number
    FROM hyper.clients c
    WHERE c.client_number BETWEEN first_number AND last_number;
END;

CREATE PROCEDURE seed.load_accounts(first_number integer, last_number integer) LANGUAGE sql BEGIN ATOMIC
    INSERT INTO platform.account
        (server, login, client_number, crm_user_id, name, email, group_name, currency, leverage, balance, credit,
         floating, margin, enabled, read_only, registered_local)
    SELECT a.server, a.login, a.client_number, c.crm_user_id, c.client_full_name, coalesce(c.email, ''), a.group_name,
           a.currency, a.leverage, a.cents * 0.01, CASE WHEN a.draw < 10 THEN 50 ELSE 0 END,
           CASE WHEN a.draw % 3 = 0 THEN (a.cents % 20000 - 10000) * 0.01 ELSE 0 END,
           CASE WHEN a.draw % 3 = 0 THEN (a.cents % 50000) * 0.01 ELSE 0 END,
           a.draw % 13 <> 1, a.draw % 11 = 2, timestamp '2016-01-04 08:00:00' + a.cents * interval '1 minute'
    FROM seed.accounts(first_number, last_number) a
    JOIN hyper.clients c ON c.client_number = a.client_number
    WHERE a.platform <> 'M2M';

    INSERT INTO hyper.tpm_account_status
    SELECT f.data_source, f.account_login, f.client_number, f.platform, f.status, f.group_name, f.currency, f.balance,
           f.equity, f.margin, now()
    FROM hyper.platform_figures f
    WHERE f.client_number BETWEEN first_number AND last_number;

    INSERT INTO hyper.tpm_account_status
    SELECT a.server, a.login::text, a.client_number, a.platform, ('{0,3,7}'::integer[])[1 + a.draw % 3], a.group_name,
           a.currency, a.cents * 0.01, a.cents * 0.01, 0.00, timestamptz '2026-01-05 10:00+00'
    FROM seed.accounts(first_number, last_number) a
    WHERE a.platform = 'M2M';
END;

CREATE PROCEDURE seed.load_balances(first_number integer, last_number integer) LANGUAGE sql BEGIN ATOMIC
    INSERT INTO hyper.journal
        (client_number, currency, amount, reference_document_type, description, bk_entry_date)
    SELECT h.client_number, h.currency, e.amount, e.document, e.description, date '2024-01-01' + h.draw
    FROM seed.holdings(first_number, last_number) h
    CROSS JOIN LATERAL (VALUES
        (2 * h.amount, '02', 'Receipt'), (CASE WHEN h.draw = 0 THEN -2 ELSE -1 END * h.amount, '04', 'Refund')
    ) AS e (amount, document, description);

    INSERT INTO hyper.secured_amounts
    SELECT h.client_number, h.currency, h.amount - trunc(h.amount * 0.75, 2), 'Pending withdrawal'
    FROM seed.holdings(first_number, last_number) h
    WHERE h.draw BETWEEN 1 AND 8 AND h.amount > 0;
END;
