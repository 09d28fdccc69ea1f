-- name: upsert_account
-- An account that a consent opens; its id stays the same however often it is read.
INSERT INTO consent_accounts (partner_id, id, consent_id, environment, merchant_id, bank_id, digest, currency,
                              sealed_account, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
ON CONFLICT (partner_id, consent_id, digest) DO NOTHING
RETURNING id;

-- name: find_by_digest
-- The id of an account that was read before.
SELECT id FROM consent_accounts WHERE partner_id = $1 AND consent_id = $2 AND digest = $3;

-- name: refresh_account
-- What the bank says of a known account now.
UPDATE consent_accounts SET currency = $3, sealed_account = $4, updated_at = $5 WHERE partner_id = $1 AND id = $2;

-- name: forget_accounts
-- Accounts that the bank does not list under the consent any more.
DELETE FROM consent_accounts WHERE partner_id = $1 AND consent_id = $2 AND NOT (id = ANY ($3::uuid[]));

-- name: set_listed
-- When a consent's accounts were listed at the bank.
UPDATE account_consents SET accounts_at = $3 WHERE partner_id = $1 AND id = $2;

-- name: find_account
-- One account of a partner and environment, under a consent that is in force or was.
SELECT partner_id, id, consent_id, environment::text AS environment, merchant_id, bank_id, sealed_account,
       balances_token, sealed_balances, balances_at, updated_at
FROM consent_accounts
WHERE partner_id = $1 AND environment = $2 AND id = $3;

-- name: list_accounts
-- A partner's accounts under consents that are in force, oldest first, after a cursor.
SELECT a.partner_id, a.id, a.consent_id, a.environment::text AS environment, a.merchant_id, a.bank_id,
       a.sealed_account, a.balances_token, a.sealed_balances, a.balances_at, a.updated_at
FROM consent_accounts a
JOIN account_consents c ON c.partner_id = a.partner_id AND c.id = a.consent_id AND c.status = 'authorised'
WHERE a.partner_id = $1 AND a.environment = $2 AND ($3::uuid IS NULL OR a.id > $3)
  AND ($4::uuid IS NULL OR a.consent_id = $4)
  AND ($5::uuid IS NULL OR a.merchant_id = $5)
ORDER BY a.id
LIMIT $6;

-- name: begin_balances
-- Balances are about to be read: the token that they may be kept under, unless money moves meanwhile.
UPDATE consent_accounts SET balances_token = coalesce(balances_token, $3)
WHERE partner_id = $1 AND id = $2
RETURNING balances_token;

-- name: keep_balances
-- Keep what was read, unless money has moved since the token was given.
UPDATE consent_accounts SET sealed_balances = $4, balances_at = $5
WHERE partner_id = $1 AND id = $2 AND balances_token = $3 AND (balances_at IS NULL OR balances_at < $5);
