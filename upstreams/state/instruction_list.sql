-- Lists of instructions. upstreams/state/instruction_list.py fills in the names in braces, never with a value of a
-- caller. $1 to $3 have the visibility.

-- part: matching
($4::text[] IS NULL OR i.kind = ANY ($4))
AND ($5::text[] IS NULL OR i.status = ANY ($5))
AND ($6::int[] IS NULL OR i.client_number = ANY ($6))
AND ($7::text[] IS NULL OR i.server = ANY ($7))
AND ($8::timestamptz IS NULL OR i.created_at >= $8)
AND ($9::timestamptz IS NULL OR i.created_at < $9)

-- name: page
-- One page of instructions by time. $4 kinds, $5 statuses, $6 client numbers, $7 servers, $8 and $9 the times between
-- which they were received. $10, $11 after, $12, $13 before, $14 limit.
SELECT {columns}
FROM brokergraph.instruction i
WHERE {visible} AND {matching}
  AND ($10::text IS NULL OR (i.created_at, i.number) {follows} ($10::text::timestamptz, $11::bigint))
  AND ($12::text IS NULL OR (i.created_at, i.number) {precedes} ($12::text::timestamptz, $13::bigint))
ORDER BY i.created_at{way}, i.number{way} LIMIT $14

-- name: count
-- How many instructions does the filter match?
SELECT count(*) AS total
FROM brokergraph.instruction i
WHERE {visible} AND {matching}
