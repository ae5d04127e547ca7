-- The statements of `brokergraph check`, and the SQL in its advice.

-- part: cast
{column}::{type}

-- part: grant
GRANT SELECT ON {view} TO our role

-- name: columns
-- Which columns and types do the ERP's views have, and may the role read them?
SELECT c.relname::text AS view, a.attname::text AS column, format_type(a.atttypid, NULL) AS type,
       has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT') AS readable
FROM pg_namespace n
JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('v', 'm', 'r', 'p', 'f')
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = 'brokergraph_erp'

-- name: accounting_currencies
-- In which currency does the ERP value balances? The view must have one row.
SELECT currency FROM brokergraph_erp.accounting_currency LIMIT 2

-- name: any_client
-- Is there a client at all?
SELECT client_number FROM brokergraph_erp.client LIMIT 1

-- name: servers
-- Which trading servers do the ERP's accounts have?
SELECT DISTINCT server FROM brokergraph_erp.trading_account ORDER BY server LIMIT 200

-- name: proven_histories
-- Which servers' histories have shown one of our deposits or withdrawals?
SELECT server, lower(kind) AS kind FROM brokergraph.proven_history

-- name: durability
-- Where is a commit of this role stored before its answer?
SELECT current_setting('synchronous_commit') AS commit, current_setting('synchronous_standby_names') AS standbys

-- name: set_mark
-- Mark this session: $1.
SELECT set_config('brokergraph.mark', $1, false)

-- name: mark
-- Does this session have a mark?
SELECT current_setting('brokergraph.mark', true)
