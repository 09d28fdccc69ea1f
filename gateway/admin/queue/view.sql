-- name: lanes_with_due
-- The first $1 lanes that have a due delivery, each with how many ($2 at most) and the oldest, and with what its endpoint is
-- doing; one index look-up per lane with anything pending.
-- across partners: an admin on call looks at the whole queue.
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
SELECT lane.partner_id, lane.endpoint_id, w.environment::text, w.state::text AS endpoint_state, w.paused_at, w.held_at,
       w.next_probe_at, w.failing_since, due.deliveries, due.oldest_at
FROM (SELECT partner_id, endpoint_id FROM lanes LIMIT $1) AS lane
CROSS JOIN LATERAL (
    SELECT count(*) AS deliveries, min(next_attempt_at) AS oldest_at
    FROM (
        SELECT next_attempt_at FROM deliveries
        WHERE partner_id = lane.partner_id AND endpoint_id = lane.endpoint_id AND state = 'pending'
          AND next_attempt_at <= now()
        ORDER BY next_attempt_at LIMIT $2
    ) AS d
) AS due
LEFT JOIN LATERAL (
    SELECT environment, state, paused_at, held_at, next_probe_at, failing_since FROM webhook_endpoints
    WHERE partner_id = lane.partner_id AND id = lane.endpoint_id LIMIT 1
) AS w ON true;

-- name: count_endpoints
-- How many endpoints are held, are being let go, and have failed since their last success; and the queue's epoch.
-- across partners: an admin on call looks at the whole queue.
SELECT (SELECT count(*) FROM webhook_endpoints WHERE held_at IS NOT NULL) AS held,
       (SELECT count(*) FROM webhook_endpoints WHERE is_releasing) AS releasing,
       (SELECT count(*) FROM webhook_endpoints WHERE failing_since IS NOT NULL) AS failing,
       (SELECT last_value FROM queue_epoch) AS epoch;
