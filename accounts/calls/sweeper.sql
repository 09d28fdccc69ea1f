-- name: claim_due_consents
-- Consents of one bank whose time has come. Of a partner that is suspended nothing is asked; what is over is still ended.
-- across partners: the sweeper serves every partner of a bank.
UPDATE account_consents
SET next_check_at = $3
WHERE (partner_id, id) IN (
    SELECT d.partner_id, d.id
    FROM account_consents d
    WHERE d.bank_id = $1 AND d.next_check_at <= $2
      AND NOT (d.status = 'created'
               AND EXISTS (SELECT FROM partners p WHERE p.id = d.partner_id AND p.state = 'suspended')
               AND d.authorise_by > $2)
    ORDER BY d.next_check_at
    LIMIT $4
    FOR UPDATE OF d SKIP LOCKED
)
RETURNING partner_id, id;
