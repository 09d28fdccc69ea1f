-- The reconciler serves every partner: it looks for what nobody is looking at.

-- name: lead
-- Whether this process leads until its transaction ends; two that lead at once would only do the same thing twice.
SELECT pg_try_advisory_xact_lock(hashtextextended('threadneedle.reconciler', 0));

-- name: next_epoch
-- A number that no epoch of the queue has had.
SELECT nextval('queue_epoch');

-- name: plan_by_index
-- For this transaction only: while a partition is young the planner would rather read it whole, or by any index and
-- then sort, and would remember that.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('enable_sort', 'off', true);

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

-- name: due_page
-- The next due deliveries of each lane after a place in it, as far as the queue's horizon ($5 seconds). Those that
-- became due within the last $7 seconds are left out: whoever made them due is about to offer them.
SELECT d.*
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[]) AS lane (partner_id, endpoint_id, after_at, after_id)
CROSS JOIN LATERAL (
    SELECT partner_id, endpoint_id, id, round, step, next_attempt_at,
           (extract(epoch FROM next_attempt_at - now()) * 1000)::bigint AS delay_ms
    FROM deliveries
    WHERE partner_id = lane.partner_id AND endpoint_id = lane.endpoint_id AND state = 'pending'
      AND next_attempt_at <= now() + $5 * interval '1 second'
      AND next_attempt_at NOT BETWEEN now() - $7 * interval '1 second' AND now()
      AND (next_attempt_at, id) > (lane.after_at, lane.after_id)
    ORDER BY next_attempt_at, id LIMIT $6
) AS d;

-- name: closed_lanes
-- Which of these lanes belong to an endpoint that receives nothing any more.
SELECT lane.partner_id, lane.endpoint_id, coalesce(w.state::text, 'deleted') AS state
FROM unnest($1::uuid[], $2::uuid[]) AS lane (partner_id, endpoint_id)
LEFT JOIN webhook_endpoints AS w ON w.partner_id = lane.partner_id AND w.id = lane.endpoint_id
WHERE w.state IS DISTINCT FROM 'enabled';

-- name: end_lane
-- A portion of a closed lane's deliveries ends undelivered, waiting ones too.
UPDATE deliveries AS d
SET state = 'undelivered', state_reason = $3, next_attempt_at = NULL, ended_at = now()
WHERE d.partner_id = $1 AND d.id IN (
    SELECT id FROM deliveries
    WHERE partner_id = $1 AND endpoint_id = $2 AND state IN ('pending', 'waiting')
    LIMIT $4 FOR UPDATE SKIP LOCKED
) AND d.state IN ('pending', 'waiting');

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
