-- name: insert_notification
-- Keep what a bank sent, once; the partner is not known yet.
INSERT INTO bank_notifications (bank_id, id, dedupe_key, sealed_raw, verified, refused_why, received_at, next_check_at,
                                processed_at, outcome)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (bank_id, dedupe_key) DO NOTHING;

-- name: claim_due
-- Notifications whose time has come, for this worker alone until the claim ends: of each bank no more than its share, so
-- that one which sends many holds up no other.
UPDATE bank_notifications
SET next_check_at = $2
WHERE (bank_id, id) IN (
    SELECT due.bank_id, due.id
    FROM unnest($4::text[]) AS bank (id)
    CROSS JOIN LATERAL (
        SELECT n.bank_id, n.id FROM bank_notifications n
        WHERE n.bank_id = bank.id AND n.processed_at IS NULL AND n.next_check_at <= $1
        ORDER BY n.next_check_at
        LIMIT $3
        FOR UPDATE SKIP LOCKED
    ) due
)
RETURNING bank_id, id, sealed_raw, received_at;

-- name: find_by_reference
-- The submission that carries this reference at this bank.
-- across partners: the bank names our reference only, and the partner is what the look-up finds.
SELECT partner_id, payment_id, id FROM submissions WHERE bank_id = $1 AND end_to_end_id = $2;

-- name: find_by_bank_reference
-- The submission to which this bank gave this id, for notifications that name nothing else.
-- across partners: the bank names its own reference only, and the partner is what the look-up finds.
SELECT partner_id, payment_id, id FROM submissions WHERE bank_id = $1 AND bank_reference = $2
ORDER BY created_at DESC
LIMIT 1;

-- name: end_notification
-- Nothing more is done with this notification; only one worker ends it.
UPDATE bank_notifications SET processed_at = $3, outcome = $4
WHERE bank_id = $1 AND id = $2 AND processed_at IS NULL
RETURNING id;

-- name: look_again
-- Try a notification again later.
UPDATE bank_notifications SET next_check_at = $3
WHERE bank_id = $1 AND id = $2;
