-- name: feed_page
-- The events after (xid, id) whose transactions, and all before them, have ended.
SELECT id, xid::text AS xid_text, type, merchant_id, occurred_at, matched, sealed_body
FROM events
WHERE partner_id = $1 AND environment = $2
    AND (xid, id) > ($3::text::xid8, $4::uuid)
    AND xid < pg_snapshot_xmin(pg_current_snapshot())
    AND ($6::text[] IS NULL OR type LIKE ANY ($6::text[]))
    AND ($7::uuid IS NULL OR merchant_id = $7::uuid)
ORDER BY xid, id
LIMIT $5;
