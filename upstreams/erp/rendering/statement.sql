-- What upstreams/erp/rendering/statement.py puts together. The Python code fills in the names in braces, never with a
-- value of a caller.

-- part: whole
WITH c AS MATERIALIZED (
    SELECT {client_columns}
    FROM brokergraph_erp.client c
    WHERE {visible} AND {condition}{page}){relations}
SELECT {texts}
FROM c{joins}
ORDER BY c.client_number

-- part: listed
WITH c AS MATERIALIZED (
SELECT {columns}, row_number() OVER (ORDER BY {order}) AS place
FROM (
{page}) {rows}){relations}
SELECT {texts}, {key}, c.cursor_key
FROM c{joins}
ORDER BY c.place

-- part: rows_of_clients
c

-- part: rows_of_accounts
a
JOIN brokergraph_erp.client c ON c.client_number = a.client_number

-- part: pages
WITH c AS MATERIALIZED (
    SELECT q.page, c.*
    FROM unnest({after}::bigint[], {before}::bigint[]) WITH ORDINALITY AS q (after, before, page)
    CROSS JOIN LATERAL (
        SELECT {client_columns}
        FROM brokergraph_erp.client c
        WHERE {visible} AND c.client_number > q.after AND c.client_number < q.before
        ORDER BY c.client_number{direction} LIMIT (SELECT {limit}::int)) c){relations}
SELECT {texts}, c.page
FROM c{joins}
ORDER BY c.page, c.client_number

-- part: of_c
ANY (ARRAY(SELECT client_number FROM c))

-- part: accounting
k AS MATERIALIZED (
    SELECT currency, {places} AS places FROM brokergraph_erp.accounting_currency LIMIT 1)

-- part: web_status
SELECT w.client_number, {text} AS j
FROM brokergraph_erp.web_status w
WHERE w.client_number = {of_c}

-- part: balances
b AS (
    SELECT b.client_number{aggregates}
    FROM (
        -- A separate sub-query, so that a view's value is computed once for each row, even if it is used several times.
        SELECT {read}, {places} AS places{columns}
        FROM brokergraph_erp.currency_balance b
        WHERE b.client_number = {of_c} AND b.balance IS DISTINCT FROM 0
        ORDER BY b.client_number, b.currency
        OFFSET 0) b
    GROUP BY b.client_number)

-- part: accounts
SELECT string_agg({text}, ',' ORDER BY a.server, a.login) AS j{keys}
FROM (
    SELECT {columns}
    FROM brokergraph_erp.trading_account a
    WHERE a.client_number = c.client_number{condition}
    ORDER BY a.server, a.login LIMIT (SELECT {limit})) a

-- part: account_ends
SELECT count(*) AS n, array_agg(a.server ORDER BY a.server, a.login) AS servers,
       array_agg(a.login ORDER BY a.server, a.login) AS logins
FROM (
    SELECT a.server, a.login
    FROM brokergraph_erp.trading_account a
    WHERE a.client_number = c.client_number{condition}
    ORDER BY a.server, a.login LIMIT (SELECT {limit}) + 1) a

-- part: account_count
SELECT count(*) AS n
FROM brokergraph_erp.trading_account a
WHERE a.client_number = c.client_number{condition}

-- part: account_keys
string_agg(a.server || E'\x1f' || a.login, E'\x1f' ORDER BY a.server, a.login) AS k
