-- One delivery, now.

-- name: lock_delivery
-- A delivery of the partner and environment ($4 and $5 bound its event's id), locked, with its endpoint and event.
SELECT d.id, d.event_id, d.endpoint_id, d.state::text, d.round, d.step, w.state::text AS endpoint_state,
    w.paused_at IS NOT NULL AS is_paused, w.held_at IS NOT NULL AS is_held, e.erased_at IS NOT NULL AS is_erased
FROM deliveries d
JOIN webhook_endpoints w ON w.partner_id = d.partner_id AND w.id = d.endpoint_id
CROSS JOIN LATERAL (
    SELECT erased_at FROM events WHERE partner_id = d.partner_id AND id = d.event_id AND id BETWEEN $4 AND $5 LIMIT 1
) AS e
WHERE d.partner_id = $1 AND d.environment = $2 AND d.id = $3
FOR UPDATE OF d;

-- name: make_due
-- A pending delivery is due now, whatever it was waiting for: its owner says so. Its step is used as usual.
UPDATE deliveries
SET next_attempt_at = now(), awaits_lane = false, not_before = NULL
WHERE partner_id = $1 AND id = $2 AND state = 'pending';

-- name: insert_done_replay
-- The replay of one delivery, which is done in the transaction that asks for it.
INSERT INTO replays (partner_id, id, environment, state, requested_by, delivery_id, endpoint_id, states, since, until,
                     rate_per_second, total, queued, ended_at)
VALUES ($1, $2, $3, 'completed', $4, $5, $6, $7::text[]::delivery_state[], $8, $8, 1, 1, 1, now());
