-- Replays as their owners see them.

-- name: find_endpoint_state
-- The state of an endpoint of the partner and environment, deleted ones too.
SELECT state::text FROM webhook_endpoints WHERE partner_id = $1 AND environment = $2 AND id = $3;

-- name: has_merchant
-- Whether there is such a merchant of the partner and environment, suspended ones too.
SELECT EXISTS (SELECT FROM merchants WHERE partner_id = $1 AND environment = $2 AND id = $3);

-- name: count_running
-- How many replays of the partner and environment run.
SELECT count(*) FROM replays WHERE partner_id = $1 AND environment = $2 AND state = 'running';

-- name: insert_replay
-- A replay that begins now.
INSERT INTO replays (partner_id, id, environment, state, requested_by, endpoint_id, merchant_id, event_types, states,
                     status_classes, since, until, include_unmatched, rate_per_second, total, next_at)
VALUES ($1, $2, $3, 'running', $4, $5, $6, $7, $8::text[]::delivery_state[], $9, $10, $11, $12, $13, $14, now());

-- name: get_replay
-- One replay of the partner and environment.
SELECT partner_id, id, environment::text, state::text, requested_by, delivery_id, endpoint_id, merchant_id,
    event_types, states::text[], status_classes, since, until, include_unmatched, rate_per_second, total, queued, made,
    skipped, after_id, phase, created_at, ended_at
FROM replays
WHERE partner_id = $1 AND environment = $2 AND id = $3;

-- name: list_replays
-- Replays of the partner and environment, newest first.
SELECT partner_id, id, environment::text, state::text, requested_by, delivery_id, endpoint_id, merchant_id,
    event_types, states::text[], status_classes, since, until, include_unmatched, rate_per_second, total, queued, made,
    skipped, after_id, phase, created_at, ended_at
FROM replays
WHERE partner_id = $1 AND environment = $2 AND ($3::uuid IS NULL OR id < $3::uuid)
ORDER BY id DESC
LIMIT $4;

-- name: count_outcomes
-- What became of the deliveries that a replay made due; its range's ids bound the weeks that are looked at.
SELECT state::text, count(*) AS deliveries
FROM deliveries
WHERE partner_id = $1 AND replay_id = $2 AND id >= $3 AND id < $4
GROUP BY state;

-- name: move_replay
-- From one of the states $5 to the state $4; one that runs again is due now.
UPDATE replays
SET state = $4::text::replay_state,
    next_at = CASE WHEN $4::text = 'running' THEN now() END,
    ended_at = CASE WHEN $4::text = 'cancelled' THEN now() END
WHERE partner_id = $1 AND environment = $2 AND id = $3 AND state = ANY ($5::text[]::replay_state[])
RETURNING id;
