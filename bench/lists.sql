-- What bench/lists.py adds to the sandbox before it measures. Each statement may run again.

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
