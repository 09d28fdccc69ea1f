-- name: insert_consent
-- A partner's wish for a consent, with what its holder will be sent out with.
INSERT INTO account_consents (partner_id, id, environment, merchant_id, client_id, bank_id, status, valid_until,
                              authorise_by, state_digest, sealed_terms, next_check_at, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13);

-- name: find_consent
-- One consent of a partner.
SELECT *, status::text AS status, environment::text AS environment FROM account_consents
WHERE partner_id = $1 AND id = $2;

-- name: lock_consent
-- One consent of a partner, held until the transaction ends.
SELECT *, status::text AS status, environment::text AS environment FROM account_consents
WHERE partner_id = $1 AND id = $2
FOR UPDATE;

-- name: find_by_state
-- The consent whose holder comes back from this bank.
-- across partners: the browser of a payer brings a state and nothing else; the partner is what the look-up finds.
SELECT *, status::text AS status, environment::text AS environment FROM account_consents
WHERE state_digest = $1 AND bank_id = $2;

-- name: update_consent
-- A consent as it stands now; the caller holds it.
UPDATE account_consents
SET status = $3, reason = $4, valid_until = $5, authorise_by = $6, bank_consent_id = $7, method = $8, sealed_url = $9,
    returned_at = $10, sealed_code = $11, exchange_sent = $12, sealed_grant = $13, access_ends_at = $14,
    is_doubted = $15, must_end = $16, lease_owner = $17, lease_until = $18, next_check_at = $19, checks = $20,
    updated_at = $21, authorised_at = $22, ended_at = $23
WHERE partner_id = $1 AND id = $2;

-- name: find_merchant
-- Whether the consent's merchant is there, and served.
SELECT state::text FROM merchants WHERE partner_id = $1 AND environment = $2 AND id = $3;

-- name: forget_balances
-- Nothing is shown under a consent that is over, so nothing is kept.
UPDATE consent_accounts SET balances_token = NULL, sealed_balances = NULL, balances_at = NULL
WHERE partner_id = $1 AND consent_id = $2;
