-- What bench/lists.py adds to the sandbox before it measures. Each statement may run again.

-- The sandbox confirms all accounts of a server by one row, so that its `synced_at` is computed from two tables and no
-- index can have it. Here each account has its own time, with the index that docs/erp-views.md asks for.
CREATE OR REPLACE VIEW brokergraph_erp.trading_account AS
SELECT t.data_source AS server, t.account_login AS login, t.client_number, t.platform, t.status, t.group_name, t.currency,
       t.balance, t.equity, t.margin, t.synced_at
FROM hyper.tpm_account_status t;
CREATE INDEX IF NOT EXISTS tpm_account_status_synced ON hyper.tpm_account_status (synced_at, data_source, account_login);

-- Instructions, up to the wanted number.
INSERT INTO brokergraph.instruction (id, kind, status, principal, idempotency_key, request_hash, reference,
    client_number, agency, server, login, created_at, details)
SELECT gen_random_uuid(), 'DEPOSIT', 'RECEIVED', 'bench', 'bench-' || n, sha256(n::text::bytea), 'bench-' || n,
       600001 + n % 1000, n % 6, 'R1', n::text, timestamptz '2025-01-01 00:00+00' + n / 3 * interval '7 seconds', '{}'
FROM generate_series((SELECT count(*) FROM brokergraph.instruction) + 1, $instructions) n
ON CONFLICT DO NOTHING;

-- The peer's names, relation and search, as its users write them.
COMMENT ON TABLE hyper.tpm_account_status IS
    E'@foreignKey (client_number) references hyper.clients (client_number)|@fieldName client';
CREATE SCHEMA IF NOT EXISTS peer;
CREATE OR REPLACE FUNCTION peer.search_clients(words text) RETURNS SETOF hyper.clients LANGUAGE sql STABLE AS
    $$ SELECT c.* FROM hyper.clients c WHERE c.search @@ to_tsquery('simple', words) ORDER BY c.client_number $$;
ANALYZE hyper.tpm_account_status;
ANALYZE brokergraph.instruction;
