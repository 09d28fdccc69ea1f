-- name: request_cancel
-- The partner wants the payment withdrawn; the sweeper asks the bank if this process does not.
UPDATE payments SET cancel_requested_at = coalesce(cancel_requested_at, $3), next_check_at = $3
WHERE partner_id = $1 AND id = $2;

-- name: find_outcome
-- What became of the newest request to withdraw a payment, and whether its payer is expected for that.
SELECT p.status::text AS status, o.state::text AS operation_state, o.kind::text AS operation_kind,
       EXISTS (
           SELECT FROM authorisations a
           WHERE a.partner_id = p.partner_id AND a.submission_id = o.submission_id
             AND a.purpose = 'cancellation' AND a.status = 'awaiting' AND a.expires_at > $3
       ) AS is_awaited
FROM payments p
JOIN bank_operations o ON o.partner_id = p.partner_id AND o.payment_id = p.id AND o.kind IN ('cancel', 'authorise_cancel')
WHERE p.partner_id = $1 AND p.id = $2
ORDER BY o.submission_id DESC, o.sequence DESC
LIMIT 1;
