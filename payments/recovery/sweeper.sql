-- name: claim_due
-- Payments of one bank whose time has come; those that wait for a suspension stay due and are passed over.
-- across partners: the sweeper serves every partner of a bank.
UPDATE payments
SET next_check_at = $3
WHERE (partner_id, id) IN (
    SELECT d.partner_id, d.id
    FROM payments d
    WHERE d.bank_id = $1 AND d.next_check_at <= $2
      AND NOT (d.status = 'queued' AND (
          EXISTS (SELECT FROM banks b WHERE b.id = d.bank_id AND b.state = 'suspended')
          OR EXISTS (SELECT FROM partners p WHERE p.id = d.partner_id AND p.state = 'suspended')
          OR EXISTS (
              SELECT FROM oauth_clients c
              WHERE c.partner_id = d.partner_id AND c.id = d.client_id AND c.state = 'suspended'
          )
      ))
    ORDER BY d.next_check_at
    LIMIT $4
    FOR UPDATE OF d SKIP LOCKED
)
RETURNING partner_id, id;
