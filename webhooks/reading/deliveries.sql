-- name: list_deliveries
-- Deliveries of the partner and environment, newest first, narrowed by what is given.
SELECT d.id, d.event_id, e.type AS event_type, e.merchant_id, d.endpoint_id, d.state::text, d.state_reason, d.round,
    d.step, d.next_attempt_at, d.ended_at
FROM deliveries d
JOIN events e ON e.partner_id = d.partner_id AND e.id = d.event_id
WHERE d.partner_id = $1 AND d.environment = $2
    AND ($3::uuid IS NULL OR d.endpoint_id = $3::uuid)
    AND ($4::uuid IS NULL OR d.event_id = $4::uuid)
    AND ($5::uuid IS NULL OR e.merchant_id = $5::uuid)
    AND ($6::text[] IS NULL OR d.state = ANY ($6::text[]::delivery_state[]))
    AND ($7::uuid IS NULL OR d.id < $7::uuid)
ORDER BY d.id DESC
LIMIT $8;

-- name: get_delivery
-- One delivery of the partner and environment.
SELECT d.id, d.event_id, e.type AS event_type, e.merchant_id, d.endpoint_id, d.state::text, d.state_reason, d.round,
    d.step, d.next_attempt_at, d.ended_at
FROM deliveries d
JOIN events e ON e.partner_id = d.partner_id AND e.id = d.event_id
WHERE d.partner_id = $1 AND d.environment = $2 AND d.id = $3;

-- name: list_attempts
-- The attempts of one delivery of the partner, first to last.
SELECT id, round, step, cause::text, superseded, status_code, error_class, started_at, dns_us, connect_us, tls_us,
    first_byte_us, total_us, sealed_exchange
FROM delivery_attempts
WHERE partner_id = $1 AND delivery_id = $2
ORDER BY started_at, id;
