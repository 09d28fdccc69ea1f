-- name: insert_exchange
-- One call with a bank, sealed; only what may be searched stands in plain columns.
INSERT INTO bank_exchanges (partner_id, id, operation_id, at, outcome, status_code, duration_us, sealed_exchange, kind)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: find_payment
-- Whose payment this is, and its terms; one look-up in the primary key per partner.
-- across partners: an admin names the payment only, and the partner is what the look-up finds.
SELECT p.partner_id, p.sealed_terms
FROM partners a
JOIN payments p ON p.partner_id = a.id AND p.id = $1 AND p.environment = $2;

-- name: list_exchanges
-- The calls about one payment, of all its submissions, newest first, after a cursor.
SELECT e.partner_id, e.id, e.kind::text AS kind, e.at, e.outcome, e.status_code, e.duration_us, e.sealed_exchange
FROM submissions s
JOIN bank_operations o ON o.partner_id = s.partner_id AND o.submission_id = s.id
JOIN bank_exchanges e ON e.partner_id = o.partner_id AND e.operation_id = o.id
WHERE s.partner_id = $1 AND s.payment_id = $2 AND ($3::uuid IS NULL OR e.id < $3)
ORDER BY e.id DESC
LIMIT $4;
