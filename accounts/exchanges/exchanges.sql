-- name: insert_exchange
-- One call at a bank about a consent, or under it.
INSERT INTO consent_exchanges (partner_id, id, consent_id, kind, at, outcome, status_code, duration_us, sealed_exchange)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: find_consent
-- Whose consent this is; one look-up in the primary key per partner.
-- across partners: an admin names the consent only, and the partner is what the look-up finds.
SELECT c.partner_id
FROM partners a
JOIN account_consents c ON c.partner_id = a.id AND c.id = $1 AND c.environment = $2;

-- name: list_exchanges
-- The calls about one consent, newest first, after a cursor.
SELECT partner_id, id, kind, at, outcome, status_code, duration_us, sealed_exchange
FROM consent_exchanges
WHERE partner_id = $1 AND consent_id = $2 AND ($3::uuid IS NULL OR id < $3)
ORDER BY id DESC
LIMIT $4;
