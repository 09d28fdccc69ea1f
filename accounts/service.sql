-- name: list_consents
-- A partner's consents, newest first, after a cursor.
SELECT *, status::text AS status, environment::text AS environment FROM account_consents
WHERE partner_id = $1 AND environment = $2 AND ($3::uuid IS NULL OR id < $3)
  AND ($4::uuid IS NULL OR merchant_id = $4)
  AND ($5::text IS NULL OR status::text = $5)
  AND ($6::text IS NULL OR bank_id = $6)
ORDER BY id DESC
LIMIT $7;
