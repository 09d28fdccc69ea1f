-- name: feed_page
-- The events after (xid, id) whose transactions, and all before them, have ended.
SELECT id, xid::text AS xid_text, type, merchant_id, occurred_at, matched, sealed_body, type_version,
    erased_at
FROM events
WHERE partner_id = $1 AND environment = $2
    AND (xid, id) > ($3::text::xid8, $4::uuid)
    AND xid < pg_snapshot_xmin(pg_current_snapshot())
    AND ($6::text[] IS NULL OR type LIKE ANY ($6::text[]))
    AND ($7::uuid IS NULL OR merchant_id = $7::uuid)
ORDER BY xid, id
LIMIT $5;

-- name: get_event
-- One event of the partner and environment.
SELECT id, type, merchant_id, occurred_at, matched, sealed_body, type_version, erased_at
FROM events WHERE partner_id = $1 AND environment = $2 AND id = $3;

-- name: count_deliveries
-- How many deliveries of an event are in each state; $3 leaves earlier weeks out.
SELECT state::text, count(*) AS deliveries FROM deliveries
WHERE partner_id = $1 AND event_id = $2 AND id >= $3
GROUP BY state;
