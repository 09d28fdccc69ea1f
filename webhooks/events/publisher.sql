-- name: find_events
-- Which of these events stand in the database.
SELECT e.id, e.matched
FROM unnest($1::uuid[], $2::uuid[]) AS asked (partner_id, id)
JOIN events e ON e.partner_id = asked.partner_id AND e.id = asked.id;

-- name: find_pending
-- The deliveries of these events that are to be sent.
SELECT d.partner_id, d.id, d.event_id, d.endpoint_id, d.priority
FROM unnest($1::uuid[], $2::uuid[]) AS asked (partner_id, event_id)
JOIN deliveries d ON d.partner_id = asked.partner_id AND d.event_id = asked.event_id
WHERE d.state = 'pending' AND d.round = 0 AND d.step = 0;
