-- name: finish
-- The end of a call that this process began: payment and submission move, the operation ends, exchange and evidence are
-- kept, and the code of the first answer ($31) where somebody waits for it; all, or nothing where the payment has another
-- version by now. Every part takes the payment's row first. Counts the operations that were still leased to us.
WITH payment AS (
    UPDATE payments
    SET status = $4, iso_status = $5, raw_status = $6, reason = $7, finality = $8, next_check_at = $9, checks = $10,
        updated_at = $11, version = version + 1
    WHERE partner_id = $1 AND id = $2 AND version = $3
    RETURNING partner_id
), submission AS (
    UPDATE submissions s
    SET state = $13, bank_reference = $14, iso_status = $5, raw_status = $6, updated_at = $11
    FROM payment WHERE s.partner_id = payment.partner_id AND s.id = $12
), operation AS (
    UPDATE bank_operations o
    SET state = $17, lease_owner = NULL, lease_until = NULL, ended_at = $11
    FROM payment WHERE o.partner_id = payment.partner_id AND o.id = $15 AND o.lease_owner = $16
    RETURNING o.id
), exchange AS (
    INSERT INTO bank_exchanges (partner_id, id, operation_id, at, outcome, status_code, duration_us, sealed_exchange,
                                kind)
    SELECT partner_id, $18, $15, $19, $20, $21, $22, $23, $33 FROM payment
), evidence AS (
    INSERT INTO payment_evidence (partner_id, id, payment_id, submission_id, operation_id, source, verdict, raw_code,
                                  iso_code, reason, applied, at, received_at)
    SELECT partner_id, $24, $2, $12, $15, 'response', $25, $26, $27, $28, true, $29, $11 FROM payment
), answer AS (
    UPDATE request_keys k SET status_code = $31
    FROM payment
    WHERE k.partner_id = payment.partner_id AND k.environment = $30 AND k.key_digest = $32 AND $31::smallint IS NOT NULL
)
SELECT count(*) FROM operation;
