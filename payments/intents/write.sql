-- name: find_parties
-- Whether the merchant is there, and whether the bank, the partner or the client is suspended at this moment.
SELECT m.state::text AS merchant,
       (p.state = 'suspended' OR b.state = 'suspended' OR coalesce(c.state = 'suspended', false)) AS suspended
FROM partners p
JOIN banks b ON b.id = $5
LEFT JOIN merchants m ON m.partner_id = p.id AND m.id = $3 AND m.environment = $2
LEFT JOIN oauth_clients c ON c.partner_id = p.id AND c.id = $4
WHERE p.id = $1;

-- name: insert_payment
-- The partner's intent; its terms never change.
INSERT INTO payments (partner_id, id, environment, merchant_id, client_id, bank_id, amount_value, amount_currency,
                      sealed_terms, status, execute_at, next_check_at, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13);
