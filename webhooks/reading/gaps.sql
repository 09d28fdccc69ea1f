-- name: get_counter
-- The last number that was given to a delivery of an endpoint of this partner and environment.
SELECT coalesce(c.last_sequence, 0) AS last_sequence
FROM webhook_endpoints AS w
LEFT JOIN endpoint_counters AS c ON c.partner_id = w.partner_id AND c.endpoint_id = w.id
WHERE w.partner_id = $1 AND w.id = $2 AND w.environment = $3;

-- name: oldest_number
-- The lowest number that is still kept.
SELECT sequence FROM deliveries
WHERE partner_id = $1 AND endpoint_id = $2 AND sequence IS NOT NULL
ORDER BY sequence LIMIT 1;

-- name: numbers_after
-- Of the next $4 numbers after $3, the first $5 that are not delivered or come after missing ones; and the last number
-- looked at. `is_all` on that one says that there are no higher ones.
WITH looked AS (
    SELECT sequence, lag(sequence, 1, $3) OVER (ORDER BY sequence) AS before, id, event_id, round, state, state_reason,
           last_status_code, last_error_class
    FROM (
        SELECT * FROM deliveries WHERE partner_id = $1 AND endpoint_id = $2 AND sequence > $3
        ORDER BY sequence LIMIT $4
    ) AS d
), summed AS (
    SELECT max(sequence) AS reached, count(*) < $4 AS is_few FROM looked
)
SELECT sequence, before, id, event_id, round, state::text, state_reason, last_status_code, last_error_class,
       sequence = reached AND is_few AS is_all
FROM looked CROSS JOIN summed
WHERE state <> 'delivered' OR sequence > before + 1 OR sequence = reached
ORDER BY sequence LIMIT $5;
