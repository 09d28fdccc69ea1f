-- name: take_numbers
-- Move each endpoint's counter on, in the order of their keys, so that two transactions never wait for each other.
INSERT INTO endpoint_counters AS counter (partner_id, endpoint_id, last_sequence)
SELECT asked.partner_id, asked.endpoint_id, asked.count
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS asked (partner_id, endpoint_id, count)
ORDER BY asked.partner_id, asked.endpoint_id
ON CONFLICT (partner_id, endpoint_id) DO UPDATE SET last_sequence = counter.last_sequence + excluded.last_sequence
RETURNING counter.partner_id, counter.endpoint_id, counter.last_sequence;
