-- name: is_wanted
-- Whether the partner asked that a payment be withdrawn.
SELECT cancel_requested_at IS NOT NULL FROM payments WHERE partner_id = $1 AND id = $2;
