-- Events that an endpoint has no delivery of, although it would hear of them today.

-- name: lock_making
-- Only one transaction at a time looks for missing deliveries of an endpoint ($1, as text) and makes them: two would
-- find the same events.
SELECT pg_advisory_xact_lock(hashtextextended('unmatched/' || $1, 0));

-- name: find_listener
-- What an endpoint wants to hear, if it receives events at all.
SELECT merchant_id, merchant_ids, event_types, sealed_filter
FROM webhook_endpoints
WHERE partner_id = $1 AND id = $2 AND state = 'enabled';

-- name: count_unmatched
-- How many events of a range an endpoint ($5) has no delivery of, of its types ($6, $7), its merchants ($8, $9) and the
-- types and the merchant that the replay wants ($10, $11, $13). Types that begin as those of $12 are told once and never
-- later.
SELECT count(*)
FROM events e
WHERE e.partner_id = $1 AND e.environment = $2 AND e.id > $3 AND e.id < $4 AND e.erased_at IS NULL
    AND ($8::uuid IS NULL OR e.merchant_id = $8::uuid)
    AND ($9::uuid[] = '{}' OR e.merchant_id = ANY ($9::uuid[]))
    AND ($13::uuid IS NULL OR e.merchant_id = $13::uuid)
    AND NOT (SELECT bool_or(starts_with(e.type, beginning)) FROM unnest($12::text[]) AS beginning)
    AND ($6::text[] IS NULL OR e.type = ANY ($6::text[])
        OR (SELECT bool_or(starts_with(e.type, beginning)) FROM unnest($7::text[]) AS beginning))
    AND ($10::text[] IS NULL OR e.type = ANY ($10::text[])
        OR (SELECT bool_or(starts_with(e.type, beginning)) FROM unnest($11::text[]) AS beginning))
    AND NOT EXISTS (
        SELECT FROM deliveries d
        WHERE d.partner_id = $1 AND d.event_id = e.id AND d.endpoint_id = $5 AND d.id > $3 AND d.id < $14
    );

-- name: next_unmatched
-- The next $15 such events after the id $3, looking at $14 events at most, with their sealed bodies where they are
-- wanted ($16), and beside each how many events were looked at and which was the last. Whether there is a delivery is
-- asked by the event alone: any other condition that an index knows could send a young table's plan through that one.
WITH scanned AS (
    SELECT id, merchant_id, type, erased_at, sealed_body FROM events
    WHERE partner_id = $1 AND environment = $2 AND id > $3 AND id < $4
    ORDER BY id LIMIT $14
), unmatched AS (
    SELECT e.id, CASE WHEN $16::boolean THEN e.sealed_body END AS sealed_body
    FROM (SELECT * FROM scanned ORDER BY id) AS e
    WHERE e.erased_at IS NULL
        AND ($8::uuid IS NULL OR e.merchant_id = $8::uuid)
        AND ($9::uuid[] = '{}' OR e.merchant_id = ANY ($9::uuid[]))
        AND ($13::uuid IS NULL OR e.merchant_id = $13::uuid)
        AND NOT (SELECT bool_or(starts_with(e.type, beginning)) FROM unnest($12::text[]) AS beginning)
        AND ($6::text[] IS NULL OR e.type = ANY ($6::text[])
            OR (SELECT bool_or(starts_with(e.type, beginning)) FROM unnest($7::text[]) AS beginning))
        AND ($10::text[] IS NULL OR e.type = ANY ($10::text[])
            OR (SELECT bool_or(starts_with(e.type, beginning)) FROM unnest($11::text[]) AS beginning))
        AND (
            SELECT true FROM deliveries d
            WHERE d.partner_id = $1 AND d.event_id = e.id AND d.endpoint_id IS NOT DISTINCT FROM $5::uuid LIMIT 1
        ) IS NULL
    ORDER BY e.id LIMIT $15
)
SELECT seen.scanned, seen.last_id, unmatched.id, true AS is_heard, unmatched.sealed_body
FROM (SELECT count(*) AS scanned, (array_agg(id ORDER BY id DESC))[1] AS last_id FROM scanned) AS seen
LEFT JOIN unmatched ON true
ORDER BY unmatched.id;

-- name: mark_matched
-- One more endpoint hears of these events ($2, between $3 and $4), which are locked in the order of their ids.
UPDATE events
SET matched = matched + 1
WHERE partner_id = $1 AND id = ANY ($2::uuid[]) AND id BETWEEN $3 AND $4;

-- name: insert_made
-- Deliveries that never were, due now. Their round 0 did not take place; outside the order of their keys, as every replay.
INSERT INTO deliveries (partner_id, id, environment, event_id, endpoint_id, state, round, next_attempt_at, round_at,
                        replay_id, sequence)
SELECT $1, made.id, $2, made.event_id, $3, 'pending', 1, now(), now(), $4, made.sequence
FROM unnest($5::uuid[], $6::uuid[], $7::bigint[]) AS made (id, event_id, sequence);
