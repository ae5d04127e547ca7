-- EXPLAIN of each order and filter over the ERP's views (docs/erp-views.md). A filter compares with a value that is in no
-- row, so that the plan shows where it is compared: in an index, or row by row.

-- name: prefer_indexes
-- Let the planner use an index also for a small table.
SELECT set_config(name, 'off', true) FROM unnest(ARRAY['enable_seqscan', 'enable_sort', 'enable_incremental_sort']) AS name

-- name: clients_by_number
-- Is there an index for the default order of clients?
EXPLAIN (FORMAT JSON, COSTS OFF)
SELECT c.client_number FROM brokergraph_erp.client c ORDER BY c.client_number LIMIT 50

-- name: clients_by_name
-- Is there an index for the order by name?
EXPLAIN (FORMAT JSON, COSTS OFF)
SELECT c.client_number FROM brokergraph_erp.client c
WHERE c.full_name IS NOT NULL ORDER BY c.full_name, c.client_number LIMIT 50

-- name: clients_of_agency
-- Is there an index for an agency?
EXPLAIN (FORMAT JSON, COSTS OFF)
SELECT c.client_number FROM brokergraph_erp.client c WHERE c.agency = -2147480001

-- name: clients_by_search
-- Is there an index for words?
EXPLAIN (FORMAT JSON, COSTS OFF)
SELECT c.client_number FROM brokergraph_erp.client c WHERE c.search @@ 'brokergraphcheck:*'::tsquery

-- name: clients_by_phone
-- Is there an index for beginnings of phone numbers?
EXPLAIN (FORMAT JSON, COSTS OFF)
SELECT c.client_number FROM brokergraph_erp.client c WHERE c.phone LIKE '00998877%'

-- name: clients_by_creation
-- Is there an index for the time of creation?
EXPLAIN (FORMAT JSON, COSTS OFF)
SELECT c.client_number FROM brokergraph_erp.client c WHERE c.created_at < '1901-06-15 12:00:00+00'

-- name: accounts_by_key
-- Is there an index for the default order of accounts?
EXPLAIN (FORMAT JSON, COSTS OFF)
SELECT a.login FROM brokergraph_erp.trading_account a ORDER BY a.server, a.login LIMIT 50

-- name: accounts_of_client
-- Is there an index for the accounts of a client?
EXPLAIN (FORMAT JSON, COSTS OFF)
SELECT a.login FROM brokergraph_erp.trading_account a
WHERE a.client_number = -2147480001 ORDER BY a.server, a.login LIMIT 50

-- name: accounts_by_login
-- Is there an index for a login without its server?
EXPLAIN (FORMAT JSON, COSTS OFF)
SELECT a.login FROM brokergraph_erp.trading_account a WHERE a.login = 'brokergraphcheck'

-- name: accounts_by_balance
-- Is there an index for the order by balance?
EXPLAIN (FORMAT JSON, COSTS OFF)
SELECT a.login FROM brokergraph_erp.trading_account a
WHERE a.currency = 'USD' AND a.balance IS NOT NULL ORDER BY a.balance, a.server, a.login LIMIT 50

-- name: accounts_by_equity
-- Is there an index for the order by equity?
EXPLAIN (FORMAT JSON, COSTS OFF)
SELECT a.login FROM brokergraph_erp.trading_account a
WHERE a.currency = 'USD' AND a.equity IS NOT NULL ORDER BY a.equity, a.server, a.login LIMIT 50

-- name: accounts_by_sync
-- Is there an index for the order by the time of the figures?
EXPLAIN (FORMAT JSON, COSTS OFF)
SELECT a.login FROM brokergraph_erp.trading_account a
WHERE a.synced_at IS NOT NULL ORDER BY a.synced_at, a.server, a.login LIMIT 50
