-- What is asked of the ERP's views (docs/erp-views.md). $1 is always the agencies that the caller may see, null for all.

-- part: visible
($1::int[] IS NULL OR c.agency = ANY ($1::int[]))

-- part: client_columns
c.client_number, c.full_name, c.email, c.agency, c.erp_status, c.erp_status_text, c.identity_locked, c.crm_user_id

-- part: account_columns
a.server, a.login, a.client_number, a.platform, a.status, a.group_name, a.currency, a.balance, a.equity, a.margin,
a.synced_at

-- part: matching_clients
($2::int[] IS NULL OR c.client_number = ANY ($2))
AND ($3::int[] IS NULL OR EXISTS (
    SELECT FROM brokergraph_erp.web_status w WHERE w.client_number = c.client_number
    AND (w.web_status = ANY ($3) OR ($4::bool AND w.web_status <> ALL ($5::int[])))))
AND ($6::int[] IS NULL OR c.erp_status = ANY ($6) OR ($7::bool AND c.erp_status <> ALL ($8::int[])))
AND ($9::int[] IS NULL OR c.agency = ANY ($9))
AND (($10::int IS NULL AND $11::text IS NULL AND $12::text IS NULL)
     OR c.client_number = $10 OR lower(c.email) = $11 OR lower(c.full_name) LIKE $12)

-- part: matching_accounts
($2::text[] IS NULL OR a.platform = ANY ($2) OR ($3::bool AND a.platform <> ALL ($4::text[])))
AND ($5::text[] IS NULL OR a.server = ANY ($5))
AND ($6::int[] IS NULL OR a.status = ANY ($6) OR ($7::bool AND a.status <> ALL ($8::int[])))

-- part: account_page
($10::text IS NULL OR (a.server, a.login) > ($10, $11::text))
AND ($12::text IS NULL OR (a.server, a.login) < ($12, $13::text))

-- name: clients_by_number
-- Who are these clients? $2 numbers.
SELECT {client_columns}
FROM brokergraph_erp.client c
WHERE c.client_number = ANY ($2::int[]) AND {visible}

-- name: clients_by_account
-- Whose are these accounts? $2 servers and $3 logins, pairwise.
SELECT k.server AS key_server, k.login AS key_login, {client_columns}
FROM unnest($2::text[], $3::text[]) AS k (server, login)
JOIN brokergraph_erp.trading_account a ON a.server = k.server AND a.login = k.login
JOIN brokergraph_erp.client c ON c.client_number = a.client_number
WHERE {visible}

-- name: clients_by_crm_user
-- Which clients does the CRM know under these user ids? $2 ids.
SELECT {client_columns}
FROM brokergraph_erp.client c
WHERE c.crm_user_id = ANY ($2::text[]) AND {visible}

-- name: clients_forward
-- One page of clients by number. $2 numbers, $3 web statuses, $4 also those not listed in $5, $6 to $8 the same for ERP
-- statuses, $9 agencies asked for, $10 number, $11 e-mail or $12 beginning of a name; $13 after, $14 before, $15 limit.
SELECT {client_columns}
FROM brokergraph_erp.client c
WHERE {visible} AND {matching_clients}
  AND ($13::bigint IS NULL OR c.client_number > $13) AND ($14::bigint IS NULL OR c.client_number < $14)
ORDER BY c.client_number LIMIT $15

-- name: clients_backward
-- The same page counted from the end.
SELECT {client_columns}
FROM brokergraph_erp.client c
WHERE {visible} AND {matching_clients}
  AND ($13::bigint IS NULL OR c.client_number > $13) AND ($14::bigint IS NULL OR c.client_number < $14)
ORDER BY c.client_number DESC LIMIT $15

-- name: count_clients
-- How many clients does the filter match?
SELECT count(*) AS total
FROM brokergraph_erp.client c
WHERE {visible} AND {matching_clients}

-- name: web_statuses
-- What does the website say of these clients? $2 numbers.
SELECT w.client_number, w.web_status, w.web_status_text
FROM brokergraph_erp.web_status w
JOIN brokergraph_erp.client c ON c.client_number = w.client_number
WHERE w.client_number = ANY ($2::int[]) AND {visible}

-- name: balances
-- Every currency that these clients hold, other than zero. $2 numbers. Without an accounting currency nothing can be
-- valued, but what is held is still held.
SELECT b.client_number, b.currency, b.balance, b.cash, b.value, k.currency AS accounting_currency
FROM brokergraph_erp.currency_balance b
JOIN brokergraph_erp.client c ON c.client_number = b.client_number
LEFT JOIN (SELECT currency FROM brokergraph_erp.accounting_currency LIMIT 1) k ON true
WHERE b.client_number = ANY ($2::int[]) AND b.balance <> 0 AND {visible}
ORDER BY b.client_number, b.currency

-- name: api_passwords
-- The secrets that Hyper asks for, for the Hyper adapter alone. $2 numbers.
SELECT p.client_number, p.api_password
FROM brokergraph_erp.api_password p
JOIN brokergraph_erp.client c ON c.client_number = p.client_number
WHERE p.client_number = ANY ($2::int[]) AND {visible}

-- name: accounts_by_key
-- Which of these accounts exist? $2 servers and $3 logins, pairwise.
SELECT {account_columns}
FROM unnest($2::text[], $3::text[]) AS k (server, login)
JOIN brokergraph_erp.trading_account a ON a.server = k.server AND a.login = k.login
JOIN brokergraph_erp.client c ON c.client_number = a.client_number
WHERE {visible}

-- name: accounts_forward
-- One page of accounts for each of many clients, by server and login. $2 platforms, $3 also those not listed in $4,
-- $5 servers, $6 statuses, $7 also those not listed in $8, $9 numbers, $10, $11 after, $12, $13 before, $14 limit.
SELECT p.*
FROM unnest($9::int[]) AS k (client_number)
JOIN brokergraph_erp.client c ON c.client_number = k.client_number
CROSS JOIN LATERAL (
    SELECT {account_columns}
    FROM brokergraph_erp.trading_account a
    WHERE a.client_number = k.client_number AND {matching_accounts} AND {account_page}
    ORDER BY a.server, a.login LIMIT $14) p
WHERE {visible}

-- name: accounts_backward
-- The same page counted from the end.
SELECT p.*
FROM unnest($9::int[]) AS k (client_number)
JOIN brokergraph_erp.client c ON c.client_number = k.client_number
CROSS JOIN LATERAL (
    SELECT {account_columns}
    FROM brokergraph_erp.trading_account a
    WHERE a.client_number = k.client_number AND {matching_accounts} AND {account_page}
    ORDER BY a.server DESC, a.login DESC LIMIT $14) p
WHERE {visible}

-- name: count_accounts
-- How many accounts does the filter match for each client? $9 numbers.
SELECT a.client_number, count(*) AS total
FROM brokergraph_erp.trading_account a
JOIN brokergraph_erp.client c ON c.client_number = a.client_number
WHERE a.client_number = ANY ($9::int[]) AND {matching_accounts} AND {visible}
GROUP BY a.client_number
