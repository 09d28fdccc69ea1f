-- name: list_refused_banks
-- The banks that refused this payment.
SELECT DISTINCT bank_id FROM submissions WHERE partner_id = $1 AND payment_id = $2 AND state = 'rejected';

-- name: move_to_bank
-- From now on the payment is at this bank: its submission there is planned in the same transaction.
UPDATE payments SET bank_id = $3 WHERE partner_id = $1 AND id = $2;
