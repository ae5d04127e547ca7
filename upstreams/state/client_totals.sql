-- The snapshot of clients' totals (upstreams/migrations/0011_client_totals.sql). The names in braces are as in
-- upstreams/erp/lists.sql.

-- part: matching_totals
($3::int[] IS NULL OR c.client_number = ANY ($3))
AND ($4::int[] IS NULL OR c.web_status = ANY ($4) OR ($5::bool AND c.web_status <> ALL ($6::int[])))
AND ($7::int[] IS NULL OR c.erp_status = ANY ($7) OR ($8::bool AND c.erp_status <> ALL ($9::int[])))
AND ($10::int[] IS NULL OR c.agency = ANY ($10))

-- part: clients_of_index
SELECT coalesce(sum(c.clients), 0)::bigint
FROM (SELECT NULL::int AS client_number, t.* FROM brokergraph.client_sum t) c
WHERE {visible} AND c.rebuild = r.number AND c.currency IS NULL AND ($10::int[] IS NULL OR c.agency = ANY ($10))

-- part: accounts_of_index
SELECT coalesce(sum(a.accounts), 0)::bigint
FROM brokergraph.account_sum a, LATERAL (SELECT a.agency, NULL::int AS client_number) c
WHERE {visible} AND a.rebuild = r.number AND ($6::text[] IS NULL OR a.server = ANY ($6))
  AND ($11::text[] IS NULL OR a.currency = ANY ($11)) AND ($12::int[] IS NULL OR a.agency = ANY ($12))

-- name: page
-- One page of client numbers by total. $1 and $2 visibility, $3 to $10 the filter. $11 and $14 are the number and the
-- total to begin after, $12 and $15 those to end before, $13 limit, $16 the rebuild; null: the newest. A rebuild that
-- exists has at least one row. `of_index` is the number of clients that the ERP would read for the filter.
WITH r AS MATERIALIZED (
    SELECT r.number, r.as_of, ({clients_of_index}) AS of_index
    FROM brokergraph.client_total_rebuild r
    WHERE r.number = coalesce($16::bigint, (SELECT max(number) FROM brokergraph.client_total_rebuild)))
SELECT r.number AS rebuild, r.as_of, r.of_index, p.client_number, p.total::text AS cursor_key
FROM r
LEFT JOIN LATERAL (
    SELECT c.client_number, c.total
    FROM (
        (SELECT c.client_number, c.total
         FROM brokergraph.client_total c
         WHERE {visible} AND c.rebuild = r.number AND {matching_totals} AND {clients_with_value}
         ORDER BY c.total{way}, c.client_number{way} LIMIT $13)
        UNION ALL
        (SELECT c.client_number, c.total
         FROM brokergraph.client_total c
         WHERE {visible} AND c.rebuild = r.number AND {matching_totals} AND {clients_without_value}
         ORDER BY c.total{way}, c.client_number{way} LIMIT $13)) c
    ORDER BY c.total IS NULL{nulls_way}, c.total{way}, c.client_number{way} LIMIT $13) p ON true
ORDER BY p.total IS NULL{nulls_way}, p.total{way}, p.client_number{way}

-- name: client_sums
-- Counts, and sums in each currency, over the clients of the filter, in the newest rebuild. $1 and $2 visibility, $3 to $10
-- the filter. No row is of one client, so that a client's own token finds none. `of_index` is as in `page`.
WITH r AS MATERIALIZED (
    SELECT r.number, r.as_of, ({clients_of_index}) AS of_index
    FROM brokergraph.client_total_rebuild r
    ORDER BY r.number DESC LIMIT 1),
s AS (
    SELECT c.*
    FROM (SELECT NULL::int AS client_number, t.* FROM brokergraph.client_sum t) c, r
    WHERE {visible} AND c.rebuild = r.number AND {matching_totals})
SELECT r.as_of, r.of_index, p.* FROM r, ({sums_of_clients}) p

-- name: account_sums
-- Sums over the accounts of the filter, for each server, platform and currency, in the newest rebuild. $1 and $2
-- visibility, $3 to $14 the filter. A rebuild that exists has at least one row. `of_index` is the number of accounts that
-- the ERP would read for the filter.
WITH r AS MATERIALIZED (
    SELECT r.number, r.as_of, ({accounts_of_index}) AS of_index
    FROM brokergraph.client_total_rebuild r
    ORDER BY r.number DESC LIMIT 1)
SELECT r.as_of, r.of_index, p.*
FROM r
LEFT JOIN LATERAL (
    SELECT s.server, s.platform, s.currency, sum(s.accounts)::bigint AS accounts, {account_figures}
    FROM (SELECT a.*
          FROM brokergraph.account_sum a, LATERAL (SELECT a.agency, NULL::int AS client_number) c
          WHERE {visible} AND a.rebuild = r.number AND {matching_accounts}) s
    GROUP BY s.server, s.platform, s.currency) p ON true

-- name: sum_clients
-- Make the sums of a rebuild ($1) from its clients.
INSERT INTO brokergraph.client_sum
SELECT c.rebuild, c.agency, c.erp_status, c.web_status, NULL, count(*), NULL::numeric, NULL::numeric, NULL::numeric
FROM brokergraph.client_total c
WHERE c.rebuild = $1
GROUP BY c.rebuild, c.agency, c.erp_status, c.web_status
UNION ALL
SELECT c.rebuild, c.agency, c.erp_status, c.web_status, s.key, count(*),
       CASE WHEN count(*) = count(s.value ->> 0) THEN sum((s.value ->> 0)::numeric) END,
       CASE WHEN count(*) = count(s.value ->> 1) THEN sum((s.value ->> 1)::numeric) END,
       CASE WHEN count(*) = count(s.value ->> 2) THEN sum((s.value ->> 2)::numeric) END
FROM brokergraph.client_total c, jsonb_each(c.sums) s
WHERE c.rebuild = $1
GROUP BY c.rebuild, c.agency, c.erp_status, c.web_status, s.key

-- name: take_lease
-- Take the lease of the rebuild for a time ($1), if no process has it.
INSERT INTO brokergraph.lease AS l (name, until) VALUES ('client_totals', now() + $1::interval)
ON CONFLICT (name) DO UPDATE SET until = excluded.until WHERE l.until <= now()
RETURNING name

-- name: begin
-- Begin a rebuild.
INSERT INTO brokergraph.client_total_rebuild (as_of) VALUES (now()) RETURNING number

-- name: forget
-- Delete all rebuilds but this one ($1) and the one before.
DELETE FROM brokergraph.client_total_rebuild
WHERE number < (SELECT max(number) FROM brokergraph.client_total_rebuild WHERE number < $1)
