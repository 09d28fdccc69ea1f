-- name: find_parties
-- Whether the merchant is there, and whether the bank, the partner or the client is suspended at this moment.
SELECT m.state::text AS merchant,
       (p.state = 'suspended' OR b.state = 'suspended' OR coalesce(c.state = 'suspended', false)) AS suspended
FROM partners p
JOIN banks b ON b.id = $5
LEFT JOIN merchants m ON m.partner_id = p.id AND m.id = $3 AND m.environment = $2
LEFT JOIN oauth_clients c ON c.partner_id = p.id AND c.id = $4
WHERE p.id = $1;

-- name: write_intent
-- An intent: its request key, the payment, its submission and the operation with its exact bytes, sealed; all or nothing.
-- Nothing is written where the merchant cannot be paid for, where somebody is suspended and $7 does not allow that, or
-- where the key is bound: a concurrent twin's transaction is waited for. With a lease ($29 to $31) the call begins with it;
-- submissions_one_live refuses a second submission that might reach a bank.
WITH parties AS (
    SELECT m.state::text AS merchant,
           (p.state = 'suspended' OR b.state = 'suspended' OR coalesce(c.state = 'suspended', false)) AS suspended
    FROM partners p
    JOIN banks b ON b.id = $6
    LEFT JOIN merchants m ON m.partner_id = p.id AND m.id = $4 AND m.environment = $2
    LEFT JOIN oauth_clients c ON c.partner_id = p.id AND c.id = $5
    WHERE p.id = $1
), bound AS (
    INSERT INTO request_keys (partner_id, environment, key_digest, fingerprint, resource_id, status_code, created_at)
    SELECT $1, $2, $8, $9, $3, $10, $11
    FROM parties
    WHERE merchant <> 'suspended' AND (NOT suspended OR $7)
    ON CONFLICT (partner_id, environment, key_digest) DO NOTHING
    RETURNING partner_id
), payment AS (
    INSERT INTO payments (partner_id, id, environment, merchant_id, client_id, bank_id, amount_value, amount_currency,
                          sealed_terms, status, execute_at, next_check_at, created_at, updated_at)
    SELECT partner_id, $3, $2, $4, $5, $6, $12, $13, $14, $15, $16, $17, $11, $11 FROM bound
), submission AS (
    INSERT INTO submissions (partner_id, id, payment_id, sequence, bank_id, state, end_to_end_id, sent_at, created_at,
                             updated_at)
    SELECT partner_id, $18, $3, $19, $6, $20, $21, $31, $11, $11
    FROM bound
), operation AS (
    INSERT INTO bank_operations (partner_id, submission_id, payment_id, id, sequence, kind, state, idempotency_key,
                                 digest, sealed_request, sends, lease_owner, lease_until, first_sent_at, last_sent_at)
    SELECT partner_id, $18, $3, $22, $23, $24, $25, $26, $27, $28, CASE WHEN $31::timestamptz IS NULL THEN 0 ELSE 1 END,
           $29, $30, $31, $31
    FROM bound
)
SELECT merchant, suspended, EXISTS (SELECT FROM bound) AS is_bound FROM parties;
