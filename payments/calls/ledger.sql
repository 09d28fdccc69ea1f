-- name: write_standing
-- A submission's state and its payment's public status move together; the version guards what was read under the lock.
WITH submission AS (
    UPDATE submissions
    SET state = $13, bank_reference = $14, iso_status = $5, raw_status = $6, updated_at = $11
    WHERE partner_id = $1 AND id = $12
)
UPDATE payments
SET status = $4, iso_status = $5, raw_status = $6, reason = $7, finality = $8, next_check_at = $9, checks = $10,
    updated_at = $11, version = version + 1
WHERE partner_id = $1 AND id = $2 AND version = $3
RETURNING version;

-- name: look_again
-- When the sweeper takes a payment next, and how many enquiries were made.
UPDATE payments SET next_check_at = $3, checks = checks + $4
WHERE partner_id = $1 AND id = $2;

-- name: insert_evidence
-- What a bank or a person said, applied or not.
INSERT INTO payment_evidence (partner_id, id, payment_id, submission_id, operation_id, source, verdict, raw_code,
                              iso_code, reason, applied, refused_why, at, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);

-- name: list_recent_evidence
-- The newest evidence of a payment, oldest of it first.
SELECT * FROM (
    SELECT id, source::text AS source, verdict, raw_code, iso_code, reason, applied, refused_why, at, received_at
    FROM payment_evidence
    WHERE partner_id = $1 AND payment_id = $2
    ORDER BY id DESC
    LIMIT 10
) newest
ORDER BY id;

-- name: open_exception
-- Call a person, once per payment and reason.
INSERT INTO payment_exceptions (partner_id, id, payment_id, evidence_id, code, opened_at)
SELECT $1, $2, $3, $4::uuid, $5, $6
WHERE NOT EXISTS (
    SELECT FROM payment_exceptions WHERE partner_id = $1 AND payment_id = $3 AND code = $5 AND closed_at IS NULL
)
RETURNING true;

-- name: close_exceptions
-- A person decided about this payment.
UPDATE payment_exceptions SET closed_at = $3
WHERE partner_id = $1 AND payment_id = $2 AND closed_at IS NULL;
