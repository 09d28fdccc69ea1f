-- name: keep_refund_account
-- Where a refund of what this submission paid would go, as it was told first.
UPDATE submissions SET sealed_refund_account = coalesce(sealed_refund_account, $3)
WHERE partner_id = $1 AND id = $2;
