-- Lists of all accounts that a caller may see, in any order. upstreams/erp/lists.py fills in the names in braces, never
-- with a value of a caller. $1 and $2 have the visibility, $3 to $14 the parameters of `matching_accounts`.

-- part: number
a.{column}::text

-- part: instant
to_json(a.{column}) #>> '{{}}'

-- part: one_currency
-- Equality with one currency lets an index by currency and amount give the order.
AND a.currency = ($11::text[])[1]

-- part: known_values
a.{column} IS NOT NULL
       AND ($15::text IS NULL OR (a.{column}, a.server, a.login) {follows} ($20::text::{type}, $15, $16::text))
       AND ($17::text IS NULL OR $21::text IS NULL
            OR (a.{column}, a.server, a.login) {precedes} ($21::text::{type}, $17, $18::text))

-- part: nulls
a.{column} IS NULL
       AND ($15::text IS NULL OR $20::text IS NOT NULL OR (a.server, a.login) {follows} ($15, $16::text))
       AND ($17::text IS NULL OR ($21::text IS NULL AND (a.server, a.login) {precedes} ($17, $18::text)))

-- name: accounts
-- One page of accounts by server and login. $15, $16 after, $17, $18 before, $19 limit.
SELECT {account_columns}
FROM brokergraph_erp.trading_account a
JOIN brokergraph_erp.client c ON c.client_number = a.client_number
WHERE {visible} AND {matching_accounts} AND a.server IS NOT NULL AND a.login IS NOT NULL
  AND ($15::text IS NULL OR (a.server, a.login) {follows} ($15, $16::text))
  AND ($17::text IS NULL OR (a.server, a.login) {precedes} ($17, $18::text))
ORDER BY a.server{way}, a.login{way} LIMIT $19

-- name: accounts_by_column
-- One page of accounts by a column, nulls last, then by server and login. $15, $16 and $20 are the server, the login and
-- the column's value to begin after, $17, $18 and $21 those to end before, $19 limit. Two ranges of one index give the
-- known values and the nulls.
SELECT {key} AS cursor_key, {account_columns}
FROM (
    (SELECT {read}
     FROM brokergraph_erp.trading_account a
     JOIN brokergraph_erp.client c ON c.client_number = a.client_number
     WHERE {visible} AND {matching_accounts} {only}
       AND a.server IS NOT NULL AND a.login IS NOT NULL AND {known_values}
     ORDER BY a.{column}{way}, a.server{way}, a.login{way} LIMIT $19)
    UNION ALL
    (SELECT {read}
     FROM brokergraph_erp.trading_account a
     JOIN brokergraph_erp.client c ON c.client_number = a.client_number
     WHERE {visible} AND {matching_accounts} {only}
       AND a.server IS NOT NULL AND a.login IS NOT NULL AND {nulls}
     ORDER BY a.{column}{way}, a.server{way}, a.login{way} LIMIT $19)) a
ORDER BY a.{column} IS NULL{nulls_way}, a.{column}{way}, a.server{way}, a.login{way} LIMIT $19

-- name: count_accounts
-- How many accounts does the filter match?
SELECT count(*) AS total
FROM brokergraph_erp.trading_account a
JOIN brokergraph_erp.client c ON c.client_number = a.client_number
WHERE {visible} AND {matching_accounts}
