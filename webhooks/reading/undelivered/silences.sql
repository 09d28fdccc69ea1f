-- name: find_silences
-- The newest $6 silences of endpoints that are not deleted, or of one of them ($3), which are about a time between $4 and
-- $5. Between an event's id and its commit some time passes, so a silence reaches a little further than it was; but
-- not before the endpoint itself, where it began as silent.
SELECT s.endpoint_id, s.state::text,
       s.began_at - CASE WHEN s.began_at > w.created_at THEN interval '5 seconds' ELSE interval '0' END AS began_at,
       s.ended_at + interval '5 seconds' AS ended_at
FROM endpoint_silences AS s
JOIN webhook_endpoints AS w ON w.partner_id = s.partner_id AND w.id = s.endpoint_id AND w.state <> 'deleted'
WHERE s.partner_id = $1 AND s.environment = $2 AND ($3::uuid IS NULL OR s.endpoint_id = $3)
  AND ($4::timestamptz IS NULL OR s.ended_at IS NULL OR s.ended_at > $4)
  AND ($5::timestamptz IS NULL OR s.began_at < $5)
ORDER BY s.began_at DESC LIMIT $6;

-- name: keys_within
-- The newest $5 events within these ranges of ids ($3 to $4, apart from each other).
SELECT e.id
FROM unnest($3::uuid[], $4::uuid[]) AS part (low, high)
CROSS JOIN LATERAL (
    SELECT id FROM events
    WHERE partner_id = $1 AND environment = $2 AND id >= part.low AND id < part.high
    ORDER BY id DESC LIMIT $5
) AS e
ORDER BY e.id DESC LIMIT $5;

-- name: show_missed
-- At most $9 pairs of these events and silent endpoints ($5 to $8: whose, in which state, from and to which id) that
-- would have heard of them, by its present types and merchants, and have no delivery of them. Types that begin as those of
-- $10 are told once and never later. $3 and $4 bound the ids. Whether there is a delivery is asked by the event alone: any
-- other condition that an index knows could send a young table's plan through that one.
SELECT DISTINCT ON (e.id, w.id) e.id, e.type, e.merchant_id, w.id AS endpoint_id, silent.state
FROM unnest($2::uuid[]) AS asked (id)
JOIN unnest($5::uuid[], $6::text[], $7::uuid[], $8::uuid[]) AS silent (endpoint_id, state, low, high)
    ON asked.id >= silent.low AND asked.id < silent.high
CROSS JOIN LATERAL (
    SELECT id, type, merchant_id FROM events
    WHERE partner_id = $1 AND id = asked.id AND id BETWEEN $3 AND $4 AND erased_at IS NULL LIMIT 1
) AS e
CROSS JOIN LATERAL (
    SELECT id, merchant_id, merchant_ids, event_types FROM webhook_endpoints
    WHERE partner_id = $1 AND id = silent.endpoint_id LIMIT 1
) AS w
WHERE (w.merchant_id IS NULL OR e.merchant_id = w.merchant_id)
  AND (w.merchant_ids = '{}' OR e.merchant_id = ANY (w.merchant_ids))
  AND NOT (SELECT bool_or(starts_with(e.type, beginning)) FROM unnest($10::text[]) AS beginning)
  AND EXISTS (
    SELECT FROM unnest(w.event_types) AS pattern
    WHERE pattern IN ('*', e.type) OR (right(pattern, 2) = '.*' AND starts_with(e.type, left(pattern, -1)))
  )
  AND (
    SELECT true FROM deliveries AS d
    WHERE d.partner_id = $1 AND d.event_id = e.id AND d.endpoint_id IS NOT DISTINCT FROM w.id LIMIT 1
  ) IS NULL
LIMIT $9;
