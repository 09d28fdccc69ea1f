-- Which deliveries a replay covers. What ended without success has an index of its own, so a filter that wants nothing
-- else ($10) never reads what was delivered meanwhile. Where a row is looked up by its key, LIMIT 1 keeps the planner
-- from joining by the range that stands beside the key: of a young table it believes that both find one row.

-- name: plan_by_key
-- For this transaction only: plan for these very ids, and look rows up by their keys. A plan that was made while a
-- partition was young would read it whole, for ever.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
       set_config('enable_bitmapscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true);

-- name: plan_for_counting
-- For this transaction only: plan for these very ids, and read ranges once instead of looking every row up.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_nestloop', 'off', true),
       set_config('enable_hashjoin', 'on', true);

-- name: limit_time
-- For this transaction only: how long a statement may take, in milliseconds.
SELECT set_config('statement_timeout', $1, true);

-- name: count_covered
-- How many deliveries a filter covers whose endpoints receive events.
SELECT count(*)
FROM (
    SELECT event_id, endpoint_id, state, last_status_code FROM deliveries
    WHERE partner_id = $1 AND environment = $2 AND id >= $3 AND id < $4 AND $10::boolean
        AND state IN ('dead', 'undelivered', 'cancelled')
    UNION ALL
    SELECT event_id, endpoint_id, state, last_status_code FROM deliveries
    WHERE partner_id = $1 AND environment = $2 AND id >= $3 AND id < $4 AND NOT $10::boolean
) AS d
JOIN webhook_endpoints w ON w.partner_id = $1 AND w.id = d.endpoint_id AND w.state = 'enabled'
WHERE d.event_id >= $3 AND d.event_id < $5
    AND ($6::uuid IS NULL OR d.endpoint_id = $6::uuid)
    AND d.state = ANY ($11::text[]::delivery_state[])
    AND ($12::smallint[] IS NULL OR coalesce(d.last_status_code / 100, 0) = ANY ($12::smallint[]))
    AND (($7::text[] IS NULL AND $9::uuid IS NULL) OR EXISTS (
        SELECT FROM events e
        WHERE e.partner_id = $1 AND e.id = d.event_id AND e.id >= $3 AND e.id < $5
            AND ($9::uuid IS NULL OR e.merchant_id = $9::uuid)
            AND ($7::text[] IS NULL OR e.type = ANY ($7::text[])
                OR (SELECT bool_or(starts_with(e.type, beginning)) FROM unnest($8::text[]) AS beginning))
    ));

-- name: count_under_way
-- How many deliveries of a filter's endpoint, types, merchant and range have not ended, those that the replay ($10) made
-- due itself left out.
SELECT count(*)
FROM (
    SELECT event_id, endpoint_id, replay_id FROM deliveries
    WHERE partner_id = $1 AND environment = $2 AND id >= $3 AND id < $4 AND state = 'pending'
    UNION ALL
    SELECT event_id, endpoint_id, replay_id FROM deliveries
    WHERE partner_id = $1 AND environment = $2 AND id >= $3 AND id < $4 AND state = 'waiting'
        AND ordering_key IS NOT NULL
) AS d
WHERE d.event_id >= $3 AND d.event_id < $5 AND d.replay_id IS DISTINCT FROM $10::uuid
    AND ($6::uuid IS NULL OR d.endpoint_id = $6::uuid)
    AND (($7::text[] IS NULL AND $9::uuid IS NULL) OR EXISTS (
        SELECT FROM events e
        WHERE e.partner_id = $1 AND e.id = d.event_id AND e.id >= $3 AND e.id < $5
            AND ($9::uuid IS NULL OR e.merchant_id = $9::uuid)
            AND ($7::text[] IS NULL OR e.type = ANY ($7::text[])
                OR (SELECT bool_or(starts_with(e.type, beginning)) FROM unnest($8::text[]) AS beginning))
    ));

-- name: next_covered
-- The next $15 deliveries that a filter covers after the id $13, looking at $14 rows at most: whether each may be made
-- due, and beside each how many rows were looked at and which was the last.
WITH scanned AS (
    (SELECT id, event_id, endpoint_id, state, last_status_code FROM deliveries
     WHERE partner_id = $1 AND environment = $2 AND id > $13 AND id < $4 AND $10::boolean
         AND state IN ('dead', 'undelivered', 'cancelled')
     ORDER BY id LIMIT $14)
    UNION ALL
    (SELECT id, event_id, endpoint_id, state, last_status_code FROM deliveries
     WHERE partner_id = $1 AND environment = $2 AND id > $13 AND id < $4 AND NOT $10::boolean
     ORDER BY id LIMIT $14)
), covered AS (
    SELECT s.id, e.erased_at IS NULL AND (
        SELECT w.state::text FROM webhook_endpoints w WHERE w.partner_id = $1 AND w.id = s.endpoint_id
    ) = 'enabled' AS is_sendable
    FROM (SELECT * FROM scanned ORDER BY id) AS s
    CROSS JOIN LATERAL (
        SELECT type, merchant_id, erased_at FROM events
        WHERE partner_id = $1 AND id = s.event_id AND id >= $3 AND id < $5 LIMIT 1
    ) AS e
    WHERE ($6::uuid IS NULL OR s.endpoint_id = $6::uuid)
        AND ($9::uuid IS NULL OR e.merchant_id = $9::uuid)
        AND s.state = ANY ($11::text[]::delivery_state[])
        AND ($12::smallint[] IS NULL OR coalesce(s.last_status_code / 100, 0) = ANY ($12::smallint[]))
        AND ($7::text[] IS NULL OR e.type = ANY ($7::text[])
            OR (SELECT bool_or(starts_with(e.type, beginning)) FROM unnest($8::text[]) AS beginning))
    ORDER BY s.id LIMIT $15
)
SELECT seen.scanned, seen.last_id, covered.id, covered.is_sendable
FROM (SELECT count(*) AS scanned, (array_agg(id ORDER BY id DESC))[1] AS last_id FROM scanned) AS seen
LEFT JOIN covered ON true
ORDER BY covered.id;

-- name: begin_rounds
-- Another round for deliveries ($2, between $3 and $4) that are still in one of the states ($6). A replay stands outside
-- the order of its key, so the row leaves its line: nobody waits for it, and it waits for nobody. Rows are locked in the
-- order of the primary key; the state is compared as text so that no partial index offers itself in its place.
UPDATE deliveries
SET state = 'pending', state_reason = NULL, round = round + 1, step = 0, next_attempt_at = now(), round_at = now(),
    ended_at = NULL, replay_id = $5, ordering_key = NULL, priority = 0, awaits_lane = false, not_before = NULL
WHERE partner_id = $1 AND id = ANY ($2::uuid[]) AND id BETWEEN $3 AND $4
    AND state::text = ANY ($6::text[]) AND state::text NOT IN ('waiting', 'pending')
RETURNING partner_id, endpoint_id, id, round;
