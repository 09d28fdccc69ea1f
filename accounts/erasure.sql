-- name: revoke_consents
-- A merchant's consents end, and their banks are to hear of it.
UPDATE account_consents
SET status = 'revoked', reason = 'merchant_erased', ended_at = $4, updated_at = $4, next_check_at = $4, checks = 0,
    must_end = bank_consent_id IS NOT NULL, sealed_url = NULL, sealed_code = NULL, sealed_grant = NULL,
    access_ends_at = NULL
WHERE partner_id = $1 AND environment = $2 AND merchant_id = $3 AND status IN (
    'created', 'awaiting_authorisation', 'authorised'
);

-- name: delete_accounts
-- What was read of a merchant's accounts.
DELETE FROM consent_accounts WHERE partner_id = $1 AND environment = $2 AND merchant_id = $3;
