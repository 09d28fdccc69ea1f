-- name: ask_now
-- The payment that a bank knows by this id is asked about now, and after that by the cadence from its beginning, for what
-- hints may come ahead of the bank's own books. Nothing that has ended, waits for a person, or was left to another bank
-- is asked about.
-- across partners: the bank names its own reference only, and the partner is what the look-up finds.
WITH asked AS (
    UPDATE payments p
    SET next_check_at = least(p.next_check_at, $3), checks = 0
    FROM submissions s
    WHERE s.bank_id = $1 AND s.bank_reference = $2 AND p.partner_id = s.partner_id AND p.id = s.payment_id
      AND p.next_check_at IS NOT NULL AND s.state NOT IN ('rejected', 'never_left')
    RETURNING p.id
)
SELECT EXISTS (SELECT FROM asked);
