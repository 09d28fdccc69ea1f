-- name: request_cancel
-- The partner wants the payment withdrawn; the sweeper asks the bank if this process does not.
UPDATE payments SET cancel_requested_at = coalesce(cancel_requested_at, $3), next_check_at = $3
WHERE partner_id = $1 AND id = $2;

-- name: find_outcome
-- What became of the newest request to withdraw a payment.
SELECT p.status::text AS status, o.state::text AS operation_state
FROM payments p
JOIN bank_operations o ON o.partner_id = p.partner_id AND o.payment_id = p.id AND o.kind = 'cancel'
WHERE p.partner_id = $1 AND p.id = $2
ORDER BY o.id DESC
LIMIT 1;
