-- name: lead
-- Whether this process chains until its transaction ends: the chain has one writer.
SELECT pg_try_advisory_xact_lock(hashtextextended('threadneedle.audit', 0));

-- name: chain_end
-- The last link, the newest signed head, whether anything was ever signed, the time of this transaction, and for how
-- long the first entry has waited to be chained.
SELECT coalesce(last.position, 0) AS position, last.hash, head.document, head.position AS head_position,
       head.day AS head_day, EXISTS (SELECT FROM audit_keys) AS has_key, (now() AT TIME ZONE 'UTC')::date AS today,
       to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS now,
       coalesce(extract(epoch FROM now() - (SELECT min(at) FROM audit_log WHERE position IS NULL)), 0)::float AS waiting_seconds
FROM (SELECT) AS one
LEFT JOIN (SELECT position, hash FROM audit_log WHERE position IS NOT NULL ORDER BY position DESC LIMIT 1) AS last ON true
LEFT JOIN (SELECT day, position, document FROM audit_heads ORDER BY day DESC LIMIT 1) AS head ON true;

-- name: unchained
-- The first committed entries that are not in the chain yet, each column as the text that is hashed. An entry whose
-- transaction ends later is found later: none is passed.
SELECT id::text, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at, partner_id::text, actor, action,
       target, request_id, detail::text
FROM audit_log WHERE position IS NULL
ORDER BY audit_log.id LIMIT $1;

-- name: chain
-- Give entries their places; the table's trigger lets an entry without one get it, once, and nothing else.
UPDATE audit_log AS a SET position = link.position, previous = link.previous, hash = link.hash, chained_at = now()
FROM unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::bytea[]) AS link (id, position, previous, hash)
WHERE a.id = link.id AND a.position IS NULL;

-- name: head_before
-- The last head of an earlier day.
SELECT document FROM audit_heads WHERE day < $1 ORDER BY day DESC LIMIT 1;

-- name: put_head
-- The head of a day; that of today moves with the chain.
INSERT INTO audit_heads (day, position, document) VALUES ($1, $2, $3)
ON CONFLICT (day) DO UPDATE SET position = excluded.position, document = excluded.document;

-- name: signing_keys
-- The keys that sign heads, newest first.
SELECT id, public_key, sealed_private FROM audit_keys ORDER BY id DESC;

-- name: insert_key
-- A new key that signs heads.
INSERT INTO audit_keys (id, public_key, sealed_private) VALUES ($1, $2, $3);

-- name: heads
-- Every signed head, oldest first.
SELECT day::text, position, document FROM audit_heads ORDER BY day;

-- name: links
-- The next entries of the chain after ($1, $2), each column as the text that is hashed.
SELECT position, previous, hash, to_char(chained_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS chained_at,
       id::text, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at, partner_id::text, actor, action,
       target, request_id, detail::text
FROM audit_log
WHERE position IS NOT NULL AND (position, audit_log.id) > ($1, $2)
ORDER BY audit_log.position, audit_log.id LIMIT $3;

-- name: outside
-- Entries that no link holds: older than $1 seconds and not chained, or at a place before the first.
SELECT id::text, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at FROM audit_log
WHERE position < 1 OR (position IS NULL AND at < now() - $1::float * interval '1 second')
ORDER BY audit_log.id LIMIT $2;

-- name: time_now
-- The clock that entries and heads are dated by.
SELECT now();
