-- Lists of all rows that a caller may see, in any order. upstreams/erp/lists.py fills in the names in braces, never with a
-- value of a caller. $1 and $2 have the visibility. $3 to $10 are the parameters of `matching_clients`, or $3 to $14 those
-- of `matching_accounts`. Optional conditions (erp.sql) have their parameters after all others. `one_currency` is an
-- equality, so that an index by currency and amount gives the order.

-- part: text
{column}

-- part: number
{column}::text

-- part: instant
to_json({column}) #>> '{{}}'

-- part: one_currency
AND a.currency = ($11::text[])[1]

-- part: clients_with_value
c.{column} IS NOT NULL
       AND ($11::bigint IS NULL OR (c.{column}, c.client_number) {follows} ($14::text::{type}, $11))
       AND ($12::bigint IS NULL OR $15::text IS NULL OR (c.{column}, c.client_number) {precedes} ($15::text::{type}, $12))

-- part: clients_without_value
c.{column} IS NULL
       AND ($11::bigint IS NULL OR $14::text IS NOT NULL OR c.client_number {follows} $11)
       AND ($12::bigint IS NULL OR ($15::text IS NULL AND c.client_number {precedes} $12))

-- part: accounts_with_value
a.server IS NOT NULL AND a.login IS NOT NULL AND a.{column} IS NOT NULL
       AND ($15::text IS NULL OR (a.{column}, a.server, a.login) {follows} ($20::text::{type}, $15, $16::text))
       AND ($17::text IS NULL OR $21::text IS NULL
            OR (a.{column}, a.server, a.login) {precedes} ($21::text::{type}, $17, $18::text))

-- part: accounts_without_value
a.server IS NOT NULL AND a.login IS NOT NULL AND a.{column} IS NULL
       AND ($15::text IS NULL OR $20::text IS NOT NULL OR (a.server, a.login) {follows} ($15, $16::text))
       AND ($17::text IS NULL OR ($21::text IS NULL AND (a.server, a.login) {precedes} ($17, $18::text)))

-- part: clients_by_key
($11::bigint IS NULL OR c.client_number {follows} $11) AND ($12::bigint IS NULL OR c.client_number {precedes} $12)

-- part: accounts_by_key
a.server IS NOT NULL AND a.login IS NOT NULL
       AND ($15::text IS NULL OR (a.server, a.login) {follows} ($15, $16::text))
       AND ($17::text IS NULL OR (a.server, a.login) {precedes} ($17, $18::text))

-- part: clients_in_order_of_key
c.client_number{way}

-- part: clients_nulls_last_of_key
c.client_number{way}

-- part: clients_in_order_of_column
c.{column}{way}, c.client_number{way}

-- part: clients_nulls_last_of_column
c.{column} IS NULL{nulls_way}, c.{column}{way}, c.client_number{way}

-- part: accounts_in_order_of_key
a.server{way}, a.login{way}

-- part: accounts_nulls_last_of_key
a.server{way}, a.login{way}

-- part: accounts_in_order_of_column
a.{column}{way}, a.server{way}, a.login{way}

-- part: accounts_nulls_last_of_column
a.{column} IS NULL{nulls_way}, a.{column}{way}, a.server{way}, a.login{way}

-- part: limit_of_clients
$13

-- part: limit_of_accounts
$19

-- part: no_key
NULL::text

-- part: either_range
({known})
    UNION ALL
    ({unknown})

-- part: first_or_found
WITH w AS MATERIALIZED ({walked}),
    n AS MATERIALIZED (SELECT count(*) >= {limit} AS is_full FROM w)
    SELECT w.* FROM w WHERE (SELECT n.is_full FROM n)
    UNION ALL
    SELECT f.* FROM ({found}) f WHERE NOT (SELECT n.is_full FROM n)

-- name: clients
-- One page of clients, nulls of the column last, then by number. $11 and $14 are the number and the column's value to begin
-- after, $12 and $15 those to end before, $13 limit. Two ranges of one index give the known values and the nulls.
SELECT {key} AS cursor_key, {client_columns}
FROM ({rows}) c
ORDER BY {order} LIMIT $13

-- name: clients_in_range
-- The first rows of a range of the order.
SELECT {client_columns}
    FROM brokergraph_erp.client c
    WHERE {visible} AND {matching_clients} AND {range}
    ORDER BY {order_in_range} LIMIT $13

-- name: clients_found
-- The same, if the filter has a search. The planner cannot know that an order saves nothing here: OFFSET 0 hides it.
SELECT {client_columns}
    FROM (SELECT c.* FROM brokergraph_erp.client c WHERE {visible} AND {matching_clients} AND {range} OFFSET 0) c
    ORDER BY {order_in_range} LIMIT $13

-- name: clients_walked
-- Those of the first {walk} clients of the range that the filter selects.
SELECT {client_columns}
    FROM (SELECT c.* FROM brokergraph_erp.client c WHERE {range} ORDER BY {order_in_range} LIMIT {walk}) c
    WHERE {visible} AND {matching_clients}
    ORDER BY {order_in_range} LIMIT $13

-- part: total
CASE WHEN count(*) = count(b.value) AND EXISTS (SELECT FROM brokergraph_erp.accounting_currency) THEN sum(b.value) END

-- part: no_total
CASE WHEN b.client_number IS NULL THEN 0 ELSE b.total END

-- part: value
CASE WHEN EXISTS (SELECT FROM brokergraph_erp.accounting_currency) THEN b.value END

-- part: sums_of_clients
SELECT CASE WHEN grouping(s.agency) = 0 THEN 'agency' WHEN grouping(s.erp_status) = 0 THEN 'erp_status'
            WHEN grouping(s.web_status) = 0 THEN 'web_status' ELSE 'count' END AS part,
       coalesce(s.agency, s.erp_status, s.web_status)::text AS key, coalesce(sum(s.clients), 0)::bigint AS clients,
       NULL::numeric AS balance, NULL::numeric AS cash, NULL::numeric AS value
FROM s
WHERE s.currency IS NULL
GROUP BY GROUPING SETS ((), (s.agency), (s.erp_status), (s.web_status))
UNION ALL
SELECT 'currency', s.currency, sum(s.clients)::bigint, CASE WHEN count(*) = count(s.balance) THEN sum(s.balance) END,
       CASE WHEN count(*) = count(s.cash) THEN sum(s.cash) END, CASE WHEN count(*) = count(s.value) THEN sum(s.value) END
FROM s
WHERE s.currency IS NOT NULL
GROUP BY s.currency

-- part: account_figures
CASE WHEN count(*) = count(s.balance) THEN sum(s.balance) END AS balance,
       CASE WHEN count(*) = count(s.equity) THEN sum(s.equity) END AS equity,
       CASE WHEN count(*) = count(s.margin) THEN sum(s.margin) END AS margin

-- name: clients_by_total
-- One page of clients by the sum of all balances at current rates, nulls last, then by number. $11 and $14 are the number
-- and the total to begin after, $12 and $15 those to end before, $13 limit. If the filter selects more than $16 clients,
-- there is one row, which says so. There is always one row.
WITH m AS MATERIALIZED (
    SELECT {client_columns}
    FROM brokergraph_erp.client c
    WHERE {visible} AND {matching_clients}
    LIMIT $16::int + 1),
n AS MATERIALIZED (SELECT count(*) > $16::int AS too_many FROM m),
b AS (
    SELECT b.client_number, {total} AS total
    FROM brokergraph_erp.currency_balance b
    WHERE b.client_number = ANY (ARRAY(SELECT m.client_number FROM m, n WHERE NOT n.too_many))
      AND b.balance IS DISTINCT FROM 0
    GROUP BY b.client_number)
SELECT n.too_many, c.total::text AS cursor_key, {client_columns}
FROM n
LEFT JOIN LATERAL (
    SELECT t.*
    FROM (SELECT m.*, {no_total} AS total FROM m LEFT JOIN b ON b.client_number = m.client_number) t
    WHERE NOT n.too_many
      AND ($11::bigint IS NULL OR CASE WHEN $14::text IS NULL THEN t.total IS NULL AND t.client_number {follows} $11
           ELSE t.total IS NULL OR (t.total, t.client_number) {follows} ($14::text::numeric, $11) END)
      AND ($12::bigint IS NULL OR CASE WHEN $15::text IS NULL THEN t.total IS NOT NULL OR t.client_number {precedes} $12
           ELSE (t.total, t.client_number) {precedes} ($15::text::numeric, $12) END)
    ORDER BY t.total IS NULL{nulls_way}, t.total{way}, t.client_number{way} LIMIT $13) c ON true
ORDER BY c.total IS NULL{nulls_way}, c.total{way}, c.client_number{way}

-- name: all_totals
-- The rows of the snapshot (upstreams/state/client_totals.py) in its columns. $1 number of the rebuild.
SELECT $1::bigint AS rebuild, c.client_number::int, c.agency::int, c.erp_status::int, w.web_status::int,
       {no_total} AS total, coalesce(b.sums, '{{}}'::jsonb) AS sums
FROM brokergraph_erp.client c
LEFT JOIN brokergraph_erp.web_status w ON w.client_number = c.client_number
LEFT JOIN (
    SELECT b.client_number, {total} AS total,
           jsonb_object_agg(coalesce(b.currency, ''), jsonb_build_array(b.balance::text, b.cash::text, ({value})::text)) AS sums
    FROM brokergraph_erp.currency_balance b
    WHERE b.balance IS DISTINCT FROM 0
    GROUP BY b.client_number) b ON b.client_number = c.client_number

-- name: client_sums
-- Counts, and sums in each currency, over the clients of the filter. If the filter selects more than $11 clients, each row
-- says so; null: no bound. $12 whether there are sums. A sum with a null is null. A currency of null is an empty text.
WITH m AS MATERIALIZED (
    SELECT c.client_number, c.agency, c.erp_status
    FROM brokergraph_erp.client c
    WHERE {visible} AND {matching_clients}
    LIMIT $11::int + 1),
n AS MATERIALIZED (SELECT coalesce(count(*) > $11::int, false) AS too_many FROM m),
s AS (
    SELECT m.agency, m.erp_status,
           (SELECT w.web_status FROM brokergraph_erp.web_status w WHERE w.client_number = m.client_number) AS web_status,
           NULL::text AS currency, 1 AS clients, NULL::numeric AS balance, NULL::numeric AS cash, NULL::numeric AS value
    FROM m, n
    WHERE NOT n.too_many
    UNION ALL
    SELECT NULL, NULL, NULL, coalesce(b.currency, ''), 1, b.balance, b.cash, {value}
    FROM brokergraph_erp.currency_balance b
    WHERE b.client_number = ANY (ARRAY(SELECT m.client_number FROM m, n WHERE $12::bool AND NOT n.too_many))
      AND b.balance IS DISTINCT FROM 0)
SELECT n.too_many, NULL::timestamptz AS as_of, p.* FROM n, ({sums_of_clients}) p

-- name: more_rows
-- Does the ERP have more than $1 clients or accounts?
SELECT (SELECT count(*) FROM (SELECT FROM brokergraph_erp.client LIMIT $1::int + 1) c) > $1::int
    OR (SELECT count(*) FROM (SELECT FROM brokergraph_erp.trading_account LIMIT $1::int + 1) a) > $1::int AS more

-- name: accounts
-- One page of accounts, nulls of the column last, then by server and login. $15, $16 and $20 are the server, the login and
-- the column's value to begin after, $17, $18 and $21 those to end before, $19 limit.
SELECT {key} AS cursor_key, {account_columns}
FROM ({rows}) a
ORDER BY {order} LIMIT $19

-- name: accounts_in_range
-- The first rows of a range of the order.
SELECT {read}
    FROM brokergraph_erp.trading_account a
    JOIN brokergraph_erp.client c ON c.client_number = a.client_number
    WHERE {visible} AND {matching_accounts} {only} AND {range}
    ORDER BY {order_in_range} LIMIT $19

-- name: accounts_found
-- The same, if the filter has a search.
SELECT {read}
    FROM (
        SELECT a.*
        FROM brokergraph_erp.trading_account a
        JOIN brokergraph_erp.client c ON c.client_number = a.client_number
        WHERE {visible} AND {matching_accounts} {only} AND {range} OFFSET 0) a
    ORDER BY {order_in_range} LIMIT $19

-- name: accounts_walked
-- Those of the first {walk} accounts of the range that the filter selects. The walk ends with the page, because OFFSET 0
-- makes each client's look-up a step of it.
SELECT {read}
    FROM (SELECT a.* FROM brokergraph_erp.trading_account a WHERE {range} {only} ORDER BY {order_in_range} LIMIT {walk}) a
    CROSS JOIN LATERAL (
        SELECT c.* FROM brokergraph_erp.client c WHERE c.client_number = a.client_number OFFSET 0) c
    WHERE {visible} AND {matching_accounts}
    ORDER BY {order_in_range} LIMIT $19

-- name: count_all_accounts
-- How many accounts does the filter match?
SELECT count(*) AS total
FROM brokergraph_erp.trading_account a
JOIN brokergraph_erp.client c ON c.client_number = a.client_number
WHERE {visible} AND {matching_accounts}

-- name: account_sums
-- Sums over the accounts of the filter, for each server, platform and currency. If the filter selects more than $15
-- accounts, there is one row, which says so; null: no bound. There is always one row. A sum with a null is null.
WITH s AS MATERIALIZED (
    SELECT a.server, a.platform, a.currency, a.balance, a.equity, a.margin
    FROM brokergraph_erp.trading_account a
    JOIN brokergraph_erp.client c ON c.client_number = a.client_number
    WHERE {visible} AND {matching_accounts}
    LIMIT $15::int + 1),
n AS MATERIALIZED (SELECT coalesce(count(*) > $15::int, false) AS too_many FROM s)
SELECT n.too_many, NULL::timestamptz AS as_of, p.*
FROM n
LEFT JOIN (
    SELECT s.server, s.platform, s.currency, count(*) AS accounts, {account_figures}
    FROM s
    GROUP BY s.server, s.platform, s.currency) p ON NOT n.too_many

-- name: all_account_sums
-- The sums of the snapshot (upstreams/state/client_totals.py) in its columns. $1 number of the rebuild.
SELECT $1::bigint AS rebuild, c.agency::int, s.server::text, s.platform::text, s.status::int, s.group_name::text,
       s.currency::text, count(*) AS accounts, {account_figures}
FROM brokergraph_erp.trading_account s
JOIN brokergraph_erp.client c ON c.client_number = s.client_number
GROUP BY c.agency, s.server, s.platform, s.status, s.group_name, s.currency
