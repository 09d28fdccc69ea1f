-- name: attempts_of_delivery
-- The attempts of one delivery of the partner, first to last.
SELECT id, round, step, cause::text, superseded, status_code, error_class, started_at, dns_us, connect_us, tls_us,
    first_byte_us, total_us, sealed_exchange
FROM delivery_attempts
WHERE partner_id = $1 AND delivery_id = $2
ORDER BY started_at, id;

-- name: keys_by_endpoint
-- Attempts at an endpoint, newest first, below the place ($3) of attempt ids and down to $4. No attempt is earlier than
-- its delivery's event, so weeks after $6 are left out.
SELECT delivery_id, id FROM delivery_attempts
WHERE partner_id = $1 AND endpoint_id = $2 AND id < $3 AND id >= $4 AND delivery_id < $6
ORDER BY id DESC LIMIT $5;

-- name: keys_by_deliveries
-- Attempts of a few deliveries, newest event first, below the place ($3, $4).
SELECT delivery_id, id FROM delivery_attempts
WHERE partner_id = $1 AND delivery_id = ANY ($2::uuid[]) AND (delivery_id, id) < ($3, $4)
ORDER BY delivery_id DESC, id DESC LIMIT $5;

-- name: keys_of_all
-- Every attempt of the partner, newest event first, below the place ($2, $3). The first comparison alone tells the
-- planner which weeks to leave out.
SELECT delivery_id, id FROM delivery_attempts
WHERE partner_id = $1 AND delivery_id <= $2 AND (delivery_id, id) < ($2, $3)
ORDER BY delivery_id DESC, id DESC LIMIT $4;

-- name: deliveries_of_event
-- The deliveries of one event. A bound on one side leaves earlier weeks out; one on both would make the primary key
-- look as good as the index of events.
SELECT id FROM deliveries WHERE partner_id = $1 AND event_id = $2 AND id >= $3;

-- name: show_attempts
-- Those of these attempts that pass every filter given. $5 and $6 bound the ids of deliveries.
SELECT a.delivery_id, a.id, a.round, a.step, a.cause::text, a.superseded, a.status_code, a.error_class, a.started_at,
       a.dns_us, a.connect_us, a.tls_us, a.first_byte_us, a.total_us, d.event_id, d.endpoint_id
FROM unnest($3::uuid[], $4::uuid[]) AS asked (delivery_id, id)
CROSS JOIN LATERAL (
    SELECT * FROM delivery_attempts
    WHERE partner_id = $1 AND delivery_id = asked.delivery_id AND id = asked.id AND delivery_id BETWEEN $5 AND $6
    LIMIT 1
) AS a
CROSS JOIN LATERAL (
    SELECT event_id, endpoint_id FROM deliveries
    WHERE partner_id = $1 AND id = a.delivery_id AND id BETWEEN $5 AND $6 AND environment = $2 LIMIT 1
) AS d
WHERE ($7::uuid IS NULL OR d.endpoint_id = $7)
  AND ($8::timestamptz IS NULL OR a.started_at >= $8)
  AND ($9::timestamptz IS NULL OR a.started_at < $9)
  AND ($10::smallint IS NULL OR a.status_code BETWEEN $10 AND $11)
  AND ($12::text IS NULL OR a.error_class = $12)
  AND ($13::text IS NULL OR a.cause::text = $13);
