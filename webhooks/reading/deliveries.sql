-- Keys of deliveries, newest first, below a place ($3) and down to an id ($4), each list from one index.

-- name: keys_of_all
-- Every delivery of the partner and environment.
SELECT id, 0::bigint AS number FROM deliveries
WHERE partner_id = $1 AND environment = $2 AND id < $3 AND id >= $4
ORDER BY id DESC LIMIT $5;

-- name: keys_of_open
-- Those that have not ended.
SELECT id, 0::bigint AS number FROM deliveries
WHERE partner_id = $1 AND environment = $2 AND id < $3 AND id >= $4 AND state IN ('waiting', 'pending')
ORDER BY id DESC LIMIT $5;

-- name: keys_of_failed
-- Those that ended without success.
SELECT id, 0::bigint AS number FROM deliveries
WHERE partner_id = $1 AND environment = $2 AND id < $3 AND id >= $4 AND state IN ('dead', 'undelivered', 'cancelled')
ORDER BY id DESC LIMIT $5;

-- name: keys_of_replay
-- Those that a replay made due.
SELECT id, 0::bigint AS number FROM deliveries
WHERE partner_id = $1 AND replay_id = $2 AND id < $3 AND id >= $4
ORDER BY id DESC LIMIT $5;

-- name: keys_of_events
-- Those of a few events. They are found first and put in order then: else the planner would rather walk all ids.
SELECT id, 0::bigint AS number
FROM (
    SELECT id FROM deliveries WHERE partner_id = $1 AND event_id = ANY ($2::uuid[]) OFFSET 0
) AS d
WHERE id < $3 AND id >= $4
ORDER BY id DESC LIMIT $5;

-- name: keys_of_endpoint
-- Those of an endpoint by its own count, below the number $6.
SELECT id, sequence AS number FROM deliveries
WHERE partner_id = $1 AND endpoint_id = $2 AND id < $3 AND id >= $4 AND sequence < $6
ORDER BY sequence DESC LIMIT $5;

-- name: events_of_payment
-- The events that tell of one payment, since it was made.
SELECT id FROM events
WHERE partner_id = $1 AND environment = $2 AND ordering_key = $3 AND id >= $4 AND ordering_key IS NOT NULL
LIMIT $5;

-- name: show_deliveries
-- Those of these deliveries that pass every filter given, with what their endpoints' lanes are doing. $4 and $5 bound
-- the ids of deliveries and events.
SELECT d.id, d.event_id, e.type AS event_type, e.merchant_id, d.endpoint_id, d.state::text, d.state_reason, d.round,
       d.step, d.sequence, d.priority, d.next_attempt_at, d.ended_at, d.round_at, d.replay_id, d.last_status_code,
       d.last_error_class, d.last_attempt_at, coalesce(d.next_attempt_at <= now(), false) AS is_due,
       w.state::text AS endpoint_state, w.paused_at, w.held_at, w.next_probe_at
FROM unnest($3::uuid[]) AS asked (id)
CROSS JOIN LATERAL (
    SELECT * FROM deliveries
    WHERE partner_id = $1 AND id = asked.id AND id BETWEEN $4 AND $5 AND environment = $2 LIMIT 1
) AS d
CROSS JOIN LATERAL (
    SELECT type, merchant_id FROM events WHERE partner_id = $1 AND id = d.event_id AND id BETWEEN $4 AND $5 LIMIT 1
) AS e
LEFT JOIN LATERAL (
    SELECT state, paused_at, held_at, next_probe_at FROM webhook_endpoints
    WHERE partner_id = $1 AND id = d.endpoint_id LIMIT 1
) AS w ON true
WHERE ($6::uuid IS NULL OR d.endpoint_id = $6)
  AND ($7::uuid IS NULL OR d.event_id = $7)
  AND ($8::uuid IS NULL OR e.merchant_id = $8)
  AND ($9::uuid IS NULL OR d.replay_id = $9)
  AND ($10::text[] IS NULL OR d.state::text = ANY ($10))
  AND ($11::text[] IS NULL OR e.type LIKE ANY ($11))
  AND ($12::smallint IS NULL OR d.last_status_code BETWEEN $12 AND $13)
  AND ($14::text IS NULL OR d.last_error_class = $14)
  AND ($15::text IS NULL OR $15 = (
        SELECT a.cause::text FROM delivery_attempts AS a
        WHERE a.partner_id = $1 AND a.delivery_id = d.id AND a.delivery_id BETWEEN $4 AND $5
        ORDER BY a.started_at DESC, a.id DESC LIMIT 1));
