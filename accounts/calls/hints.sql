-- name: find_hinted
-- The consent that a bank knows by this id.
-- across partners: the bank names its own id only, and the partner is what the look-up finds.
SELECT *, status::text AS status, environment::text AS environment FROM account_consents
WHERE bank_id = $1 AND bank_consent_id = $2
ORDER BY created_at DESC
LIMIT 1;
