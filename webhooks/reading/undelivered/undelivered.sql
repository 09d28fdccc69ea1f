-- Keys, newest first, below a place ($3) and down to an id ($4), of three lists that are one: what ended without success,
-- what has not ended, and events that nobody heard. A row keeps its id whichever list it is in.

-- name: keys_of_undelivered
-- $6 to $8 say which of the three lists are wanted.
SELECT id, is_event FROM (
    (SELECT id, false AS is_event FROM deliveries
     WHERE $6 AND partner_id = $1 AND environment = $2 AND id < $3 AND id >= $4
       AND state IN ('dead', 'undelivered', 'cancelled')
     ORDER BY id DESC LIMIT $5)
    UNION ALL
    (SELECT id, false FROM deliveries
     WHERE $7 AND partner_id = $1 AND environment = $2 AND id < $3 AND id >= $4 AND state IN ('waiting', 'pending')
     ORDER BY id DESC LIMIT $5)
    UNION ALL
    (SELECT id, true FROM events
     WHERE $8 AND partner_id = $1 AND environment = $2 AND id < $3 AND id >= $4 AND matched = 0
     ORDER BY id DESC LIMIT $5)
) AS lists
ORDER BY id DESC LIMIT $5;

-- name: show_unmatched
-- These events that nobody heard. $3 and $4 bound their ids.
SELECT e.id, e.type, e.merchant_id
FROM unnest($2::uuid[]) AS asked (id)
CROSS JOIN LATERAL (
    SELECT id, type, merchant_id FROM events WHERE partner_id = $1 AND id = asked.id AND id BETWEEN $3 AND $4 LIMIT 1
) AS e;

-- name: count_failed
-- Of the newest $5 that ended without success, how many for which reason; `examined` is how many were looked at.
SELECT state::text, state_reason, NULL::text AS endpoint_state, NULL::timestamptz AS paused_at,
       NULL::timestamptz AS held_at, NULL::timestamptz AS next_probe_at, false AS is_due, count(*) AS items,
       min(id::text)::uuid AS oldest_id, sum(count(*)) OVER () AS examined
FROM (
    SELECT id, state, state_reason FROM deliveries
    WHERE partner_id = $1 AND environment = $2 AND id < $3 AND id >= $4 AND state IN ('dead', 'undelivered', 'cancelled')
    ORDER BY id DESC LIMIT $5
) AS d
GROUP BY state, state_reason;

-- name: count_open
-- Of the newest $5 that have not ended, how many wait for what: all of them, and those that were tried or are older than
-- the id $6.
SELECT d.state::text, NULL::text AS state_reason, w.state::text AS endpoint_state, w.paused_at, w.held_at,
       w.next_probe_at, coalesce(d.next_attempt_at <= now(), false) AS is_due,
       count(*) AS items, min(d.id::text)::uuid AS oldest_id,
       count(*) FILTER (WHERE d.id < $6 OR d.last_attempt_at IS NOT NULL) AS stuck_items,
       (min(d.id::text) FILTER (WHERE d.id < $6 OR d.last_attempt_at IS NOT NULL))::uuid AS oldest_stuck_id,
       sum(count(*)) OVER () AS examined
FROM (
    SELECT id, state, endpoint_id, next_attempt_at, last_attempt_at FROM deliveries
    WHERE partner_id = $1 AND environment = $2 AND id < $3 AND id >= $4 AND state IN ('waiting', 'pending')
    ORDER BY id DESC LIMIT $5
) AS d
LEFT JOIN webhook_endpoints AS w ON w.partner_id = $1 AND w.id = d.endpoint_id
GROUP BY 1, 2, 3, 4, 5, 6, 7;

-- name: newest_unmatched
-- The newest $5 events that nobody heard.
SELECT id, type FROM events
WHERE partner_id = $1 AND environment = $2 AND id < $3 AND id >= $4 AND matched = 0
ORDER BY id DESC LIMIT $5;
