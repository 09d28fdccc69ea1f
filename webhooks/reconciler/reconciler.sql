-- The reconciler serves every partner: it looks for what nobody is looking at.

-- name: lead
-- Whether this process leads until its transaction ends; two that lead at once would only do the same thing twice.
SELECT pg_try_advisory_xact_lock(hashtextextended('threadneedle.reconciler', 0));

-- name: next_epoch
-- A number that no epoch of the queue has had.
SELECT nextval('queue_epoch');

-- name: plan_by_index
-- For this transaction only: plan for the tables as they are now, and by index. While a partition is young the planner
-- would rather read it whole, or by any index and then sort, and would remember that.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
       set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true);

-- name: lanes_with_pending
-- Every lane that has a pending delivery, one index look-up each, whatever the length of the lanes.
-- across partners: the queue is one for all of them.
WITH RECURSIVE lanes AS (
    (SELECT partner_id, endpoint_id FROM deliveries WHERE state = 'pending' ORDER BY partner_id, endpoint_id LIMIT 1)
    UNION ALL
    SELECT later.partner_id, later.endpoint_id
    FROM lanes
    CROSS JOIN LATERAL (
        SELECT partner_id, endpoint_id FROM deliveries
        WHERE state = 'pending' AND (partner_id, endpoint_id) > (lanes.partner_id, lanes.endpoint_id)
        ORDER BY partner_id, endpoint_id LIMIT 1
    ) AS later
)
SELECT partner_id, endpoint_id FROM lanes;

-- name: lanes_now
-- What is true of these lanes now; a lane whose endpoint is not there counts as a deleted one's.
SELECT lane.partner_id, lane.endpoint_id, coalesce(w.state::text, 'deleted') AS state,
       coalesce(w.concurrency, 1) AS concurrency, coalesce(w.weight, 1) AS weight, w.rate_per_second, w.rate_burst,
       w.paused_at IS NOT NULL AS is_paused, w.held_at IS NOT NULL AS is_held
FROM unnest($1::uuid[], $2::uuid[]) AS lane (partner_id, endpoint_id)
LEFT JOIN webhook_endpoints AS w ON w.partner_id = lane.partner_id AND w.id = lane.endpoint_id;

-- name: unusual_lanes
-- The next lanes that differ from what the queue takes for granted: held, paused, or with numbers of their own.
SELECT partner_id, id AS endpoint_id, state::text, concurrency, weight, rate_per_second, rate_burst,
       paused_at IS NOT NULL AS is_paused, held_at IS NOT NULL AS is_held
FROM webhook_endpoints
WHERE (partner_id, id) > ($1, $2) AND state = 'enabled'
  AND (paused_at IS NOT NULL OR held_at IS NOT NULL OR concurrency <> $3 OR weight <> 1 OR rate_per_second IS NOT NULL)
ORDER BY partner_id, id LIMIT $4;

-- name: due_page
-- The next due deliveries of each lane after a place in it, as far as the queue's horizon ($5 seconds). Those that
-- became due within the last $7 seconds are left out: whoever made them due is about to offer them.
SELECT d.*
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[]) AS lane (partner_id, endpoint_id, after_at, after_id)
CROSS JOIN LATERAL (
    SELECT partner_id, endpoint_id, id, round, step, priority, next_attempt_at,
           (extract(epoch FROM next_attempt_at - now()) * 1000)::bigint AS delay_ms
    FROM deliveries
    WHERE partner_id = lane.partner_id AND endpoint_id = lane.endpoint_id AND state = 'pending'
      AND next_attempt_at <= now() + $5 * interval '1 second'
      AND next_attempt_at NOT BETWEEN now() - $7 * interval '1 second' AND now()
      AND (next_attempt_at, id) > (lane.after_at, lane.after_id)
    ORDER BY next_attempt_at, id LIMIT $6
) AS d;

-- name: still_due
-- How many of these deliveries are still at the step at which they were found.
SELECT count(*)
FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::smallint[]) AS found (partner_id, id, round, step)
CROSS JOIN LATERAL (
    SELECT FROM deliveries
    WHERE partner_id = found.partner_id AND id = found.id AND state::text = 'pending'
      AND round = found.round AND step = found.step
    ORDER BY id LIMIT 1
) AS d;

-- name: count_due
-- How many deliveries of each lane are due after a place in it, $5 of each lane at most, and since when the first is.
SELECT lane.partner_id, lane.endpoint_id, count(*) AS due,
       extract(epoch FROM now() - min(d.next_attempt_at))::float AS due_seconds
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[]) AS lane (partner_id, endpoint_id, after_at, after_id)
CROSS JOIN LATERAL (
    SELECT next_attempt_at FROM deliveries
    WHERE partner_id = lane.partner_id AND endpoint_id = lane.endpoint_id AND state = 'pending'
      AND next_attempt_at <= now() AND (next_attempt_at, id) > (lane.after_at, lane.after_id)
    ORDER BY next_attempt_at, id LIMIT $5
) AS d
GROUP BY lane.partner_id, lane.endpoint_id;

-- name: take_probes
-- Held lanes whose probe is due, each with the delivery that has been due longest; one whose Retry-After still runs is
-- never taken. The next probe moves $2 seconds ahead (a lane without anything to send, $3), unless a result moves it.
-- across partners: the worker probes everybody's lanes.
WITH due AS MATERIALIZED (
    SELECT partner_id, id FROM webhook_endpoints
    WHERE held_at IS NOT NULL AND next_probe_at <= now() AND state = 'enabled' AND paused_at IS NULL
    ORDER BY next_probe_at LIMIT $1 FOR UPDATE SKIP LOCKED
), probes AS MATERIALIZED (
    SELECT due.partner_id, due.id AS endpoint_id, d.id, d.round, d.step, d.priority
    FROM due
    LEFT JOIN LATERAL (
        SELECT id, round, step, priority FROM deliveries
        WHERE partner_id = due.partner_id AND endpoint_id = due.id AND state = 'pending'
          AND (not_before IS NULL OR not_before <= now())
        ORDER BY next_attempt_at, deliveries.id LIMIT 1
    ) AS d ON true
), moved AS (
    UPDATE webhook_endpoints AS w
    SET next_probe_at = now() + CASE WHEN probes.id IS NULL THEN $3::float ELSE $2::float END * interval '1 second'
    FROM probes WHERE w.partner_id = probes.partner_id AND w.id = probes.endpoint_id
)
SELECT partner_id, endpoint_id, id, round, step, priority FROM probes WHERE id IS NOT NULL;

-- name: return_probes
-- Probes that the queue did not take are due again.
UPDATE webhook_endpoints AS w SET next_probe_at = now()
FROM unnest($1::uuid[], $2::uuid[]) AS lane (partner_id, endpoint_id)
WHERE w.partner_id = lane.partner_id AND w.id = lane.endpoint_id AND w.held_at IS NOT NULL;

-- name: releasing_lanes
-- Lanes that are well again and whose deliveries are to be sent now.
-- across partners: the worker releases everybody's lanes.
SELECT partner_id, id AS endpoint_id, state::text, concurrency, weight, rate_per_second, rate_burst,
       false AS is_paused, false AS is_held
FROM webhook_endpoints
WHERE is_releasing AND held_at IS NULL AND paused_at IS NULL AND state::text = 'enabled'
ORDER BY partner_id, id LIMIT $1;

-- name: release_page
-- What waits for the lane's sake and is not due yet; what is due already needs nothing, and a Retry-After is kept.
SELECT id FROM deliveries
WHERE partner_id = $1 AND endpoint_id = $2 AND state = 'pending' AND next_attempt_at > now()
  AND awaits_lane AND (not_before IS NULL OR not_before < next_attempt_at)
ORDER BY next_attempt_at, id LIMIT $3 FOR UPDATE SKIP LOCKED;

-- name: release_deliveries
-- They become due now, or when their Retry-After ends.
UPDATE deliveries
SET next_attempt_at = greatest(now(), not_before), awaits_lane = false
WHERE partner_id = $1 AND id = ANY($2::uuid[]) AND id BETWEEN $3 AND $4
RETURNING partner_id, endpoint_id, id, round, step, priority,
          (extract(epoch FROM next_attempt_at - now()) * 1000)::bigint AS delay_ms;

-- name: end_release
-- Nothing waits for this lane's sake any more.
UPDATE webhook_endpoints SET is_releasing = false WHERE partner_id = $1 AND id = $2 AND is_releasing;

-- name: closed_page
-- The next pending deliveries of a closed lane after a place in it, held. An endpoint that was enabled again meanwhile
-- keeps them.
SELECT id, next_attempt_at FROM deliveries
WHERE partner_id = $1 AND endpoint_id = $2 AND state = 'pending' AND (next_attempt_at, id) > ($3, $4)
  AND NOT EXISTS (SELECT FROM webhook_endpoints WHERE partner_id = $1 AND id = $2 AND state IN ('enabled', 'unproven'))
ORDER BY next_attempt_at, id LIMIT $5 FOR UPDATE SKIP LOCKED;

-- name: closed_lines_page
-- Those that wait for an earlier one in the lines of a closed lane, held.
SELECT id FROM deliveries
WHERE partner_id = $1 AND endpoint_id = $2 AND ordering_key IS NOT NULL AND state IN ('waiting', 'pending')
  AND state = 'waiting'
  AND NOT EXISTS (SELECT FROM webhook_endpoints WHERE partner_id = $1 AND id = $2 AND state IN ('enabled', 'unproven'))
ORDER BY ordering_key, id LIMIT $3 FOR UPDATE SKIP LOCKED;

-- name: aged_page
-- Pending deliveries of a lane that nobody can try, of events before $3 (an id) and a time, held. A replay counts from
-- its own beginning.
SELECT id FROM deliveries
WHERE partner_id = $1 AND endpoint_id = $2 AND state = 'pending' AND id < $3 AND (round_at IS NULL OR round_at < $4)
ORDER BY next_attempt_at, id LIMIT $5 FOR UPDATE SKIP LOCKED;

-- name: end_deliveries
-- They are not sent any more.
UPDATE deliveries
SET state = $5::text::delivery_state, state_reason = $6, next_attempt_at = NULL, awaits_lane = false, ended_at = now()
WHERE partner_id = $1 AND id = ANY($2::uuid[]) AND id BETWEEN $3 AND $4;

-- name: about_deliveries
-- What is told of deliveries that ended; without its event one has no type.
SELECT d.id, d.event_id, d.environment::text, e.type
FROM deliveries AS d
LEFT JOIN events AS e ON e.partner_id = d.partner_id AND e.id = d.event_id
WHERE d.partner_id = $1 AND d.id = ANY($2::uuid[]) AND d.id BETWEEN $3 AND $4
ORDER BY d.id;

-- name: stranded_lines
-- Lines of ordered endpoints whose first unended delivery waits for one that has ended.
-- across partners: nobody else would ever look at such a line again.
WITH RECURSIVE heads AS (
    (SELECT partner_id, endpoint_id, ordering_key, id, state FROM deliveries
     WHERE state IN ('waiting', 'pending') AND ordering_key IS NOT NULL
     ORDER BY partner_id, endpoint_id, ordering_key, id LIMIT 1)
    UNION ALL
    SELECT later.*
    FROM heads
    CROSS JOIN LATERAL (
        SELECT partner_id, endpoint_id, ordering_key, id, state FROM deliveries
        WHERE state IN ('waiting', 'pending') AND ordering_key IS NOT NULL
          AND (partner_id, endpoint_id, ordering_key) > (heads.partner_id, heads.endpoint_id, heads.ordering_key)
        ORDER BY partner_id, endpoint_id, ordering_key, id LIMIT 1
    ) AS later
)
SELECT partner_id, endpoint_id, ordering_key FROM heads
WHERE state = 'waiting' ORDER BY partner_id, endpoint_id, ordering_key LIMIT $1;
