-- The statements over the ERP's views (docs/erp-views.md). The lists of columns come from upstreams/erp/contract.py.
-- core/visibility.py gives the first two parameters of every statement. $1 has the agencies that the caller may see, null
-- for all. $2 is the client of a client's own token, null for all other callers.
--
-- Optional conditions are parts with their own numbers of parameters, which a statement has after all others. A search has
-- $1 words, $2 a client number or null, $3 a login. A word is the beginning of a lexeme as it is, or of the lexemes that
-- PostgreSQL's parser makes of it.

-- part: visible
($1::int[] IS NULL OR c.agency = ANY ($1::int[])) AND ($2::int IS NULL OR c.client_number = $2)

-- part: matching_clients
($3::int[] IS NULL OR c.client_number = ANY ($3))
AND ($4::int[] IS NULL OR EXISTS (
    SELECT FROM brokergraph_erp.web_status w WHERE w.client_number = c.client_number
    AND (w.web_status = ANY ($4) OR ($5::bool AND w.web_status <> ALL ($6::int[])))))
AND ($7::int[] IS NULL OR c.erp_status = ANY ($7) OR ($8::bool AND c.erp_status <> ALL ($9::int[])))
AND ($10::int[] IS NULL OR c.agency = ANY ($10))

-- part: searched_words
(SELECT string_agg(
            '(' || concat_ws(' | ', nullif(to_tsquery('simple', k.lexeme)::text, ''), k.lexeme::tsquery::text) || ')',
            ' & ')::tsquery
 FROM (SELECT '''' || replace(replace(lower(word), '\', '\\'), '''', '''''') || ''':*' AS lexeme
       FROM unnest($1::text[]) AS word) k)

-- part: clients_search
(c.client_number = $2::int OR c.search @@ {words}
 OR c.client_number = ANY (ARRAY(SELECT o.client_number FROM brokergraph_erp.trading_account o WHERE o.login = $3::text)))

-- part: clients_phone
c.phone LIKE $1::text

-- part: clients_created
($1::timestamptz IS NULL OR c.created_at >= $1) AND ($2::timestamptz IS NULL OR c.created_at < $2)

-- part: accounts_search
(a.login = $3::text OR a.client_number = ANY (ARRAY(
    SELECT o.client_number FROM brokergraph_erp.client o WHERE o.client_number = $2::int OR o.search @@ {words})))

-- part: accounts_search_walked
(a.login = $3::text OR c.client_number = $2::int OR c.search @@ {words})

-- part: matching_accounts
($3::text[] IS NULL OR a.platform = ANY ($3) OR ($4::bool AND a.platform <> ALL ($5::text[])))
AND ($6::text[] IS NULL OR a.server = ANY ($6))
AND ($7::int[] IS NULL OR a.status = ANY ($7) OR ($8::bool AND a.status <> ALL ($9::int[])))
AND ($10::text[] IS NULL OR a.group_name = ANY ($10))
AND ($11::text[] IS NULL OR a.currency = ANY ($11))
AND ($12::int[] IS NULL OR c.agency = ANY ($12))
AND ($13::numeric IS NULL OR a.balance >= $13) AND ($14::numeric IS NULL OR a.balance <= $14)

-- part: account_page
($16::text IS NULL OR (a.server, a.login) > ($16, $17::text))
AND ($18::text IS NULL OR (a.server, a.login) < ($18, $19::text))

-- part: bounded_instant
CASE WHEN {name} >= '0001-01-01 00:00:00+00' AND {name} < '10000-01-01 00:00:00+00' THEN {name}
     WHEN {name} IS NOT NULL THEN 'infinity' END AS {column}

-- name: clients_by_number
-- Which clients have these numbers? $3 numbers.
SELECT {client_columns}
FROM brokergraph_erp.client c
WHERE c.client_number = ANY ($3::int[]) AND {visible}

-- name: clients_by_account
-- Which clients own these accounts? $3 servers and $4 logins, pairwise.
SELECT k.server AS key_server, k.login AS key_login, {client_columns}
FROM unnest($3::text[], $4::text[]) AS k (server, login)
JOIN brokergraph_erp.trading_account a ON a.server = k.server AND a.login = k.login
JOIN brokergraph_erp.client c ON c.client_number = a.client_number
WHERE {visible}

-- name: clients_by_crm_user
-- Which clients have these user ids in the CRM? $3 ids.
SELECT {client_columns}
FROM brokergraph_erp.client c
WHERE c.crm_user_id = ANY ($3::text[]) AND {visible}

-- name: count_clients
-- How many clients does the filter match? $3 numbers, $4 web statuses, $5 also those not listed in $6. $7 to $9 are the same
-- for ERP statuses. $10 agencies.
SELECT count(*) AS total
FROM brokergraph_erp.client c
WHERE {visible} AND {matching_clients}

-- name: web_statuses
-- Which web statuses do these clients have? $3 numbers.
SELECT {web_status_columns}
FROM brokergraph_erp.web_status w
JOIN brokergraph_erp.client c ON c.client_number = w.client_number
WHERE w.client_number = ANY ($3::int[]) AND {visible}

-- name: balances
-- The balances of these clients in each currency, without zero balances. $3 numbers. Without an accounting currency the
-- balances have no values, but the rows are still returned.
SELECT {balance_columns}, k.currency AS accounting_currency
FROM brokergraph_erp.currency_balance b
JOIN brokergraph_erp.client c ON c.client_number = b.client_number
LEFT JOIN (SELECT currency FROM brokergraph_erp.accounting_currency LIMIT 1) k ON true
WHERE b.client_number = ANY ($3::int[]) AND b.balance IS DISTINCT FROM 0 AND {visible}
ORDER BY b.client_number, b.currency

-- name: api_passwords
-- The passwords that Hyper requires, only for the Hyper adapter. $3 numbers.
SELECT p.client_number, p.api_password
FROM brokergraph_erp.api_password p
JOIN brokergraph_erp.client c ON c.client_number = p.client_number
WHERE p.client_number = ANY ($3::int[]) AND {visible}

-- name: accounts_by_key
-- Which of these accounts exist? $3 servers and $4 logins, pairwise.
SELECT {account_columns}
FROM unnest($3::text[], $4::text[]) AS k (server, login)
JOIN brokergraph_erp.trading_account a ON a.server = k.server AND a.login = k.login
JOIN brokergraph_erp.client c ON c.client_number = a.client_number
WHERE {visible}

-- name: accounts_forward
-- One page of accounts for each of many clients, by server and login. $3 platforms, $4 also those not listed in $5.
-- $6 servers. $7 statuses, $8 also those not listed in $9. $10 groups, $11 currencies, $12 agencies, $13 and $14 bounds
-- of the balance. $15 numbers. $16, $17 after, $18, $19 before, $20 limit.
SELECT p.*
FROM unnest($15::int[]) AS k (client_number)
JOIN brokergraph_erp.client c ON c.client_number = k.client_number
CROSS JOIN LATERAL (
    SELECT {account_columns}
    FROM brokergraph_erp.trading_account a
    WHERE a.client_number = k.client_number AND {matching_accounts} AND {account_page}
    ORDER BY a.server, a.login LIMIT $20) p
WHERE {visible}
ORDER BY p.server, p.login

-- name: accounts_backward
-- The same page counted from the end.
SELECT p.*
FROM unnest($15::int[]) AS k (client_number)
JOIN brokergraph_erp.client c ON c.client_number = k.client_number
CROSS JOIN LATERAL (
    SELECT {account_columns}
    FROM brokergraph_erp.trading_account a
    WHERE a.client_number = k.client_number AND {matching_accounts} AND {account_page}
    ORDER BY a.server DESC, a.login DESC LIMIT $20) p
WHERE {visible}
ORDER BY p.server DESC, p.login DESC

-- name: logins_of_server
-- The logins of one server after a login. $3 server, $4 after, $5 limit.
SELECT a.login
FROM brokergraph_erp.trading_account a
JOIN brokergraph_erp.client c ON c.client_number = a.client_number
WHERE a.server = $3 AND a.login > $4::text AND {visible}
ORDER BY a.login LIMIT $5

-- name: count_accounts
-- How many accounts does the filter match for each client? $15 numbers.
SELECT a.client_number, count(*) AS total
FROM brokergraph_erp.trading_account a
JOIN brokergraph_erp.client c ON c.client_number = a.client_number
WHERE a.client_number = ANY ($15::int[]) AND {matching_accounts} AND {visible}
GROUP BY a.client_number

-- name: optional_columns
-- Which of the columns $2 of the view $1 can be read? $3 has the allowed types of all these columns.
SELECT a.attname::text AS column
FROM pg_attribute a
WHERE a.attrelid = to_regclass('brokergraph_erp.' || $1::text) AND a.attname = ANY ($2::text[]) AND NOT a.attisdropped
  AND format_type(a.atttypid, NULL) = ANY ($3::text[]) AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
