-- name: insert_submission
-- One try of a payment with its first operation; submissions_one_live refuses a second one that might reach a bank.
WITH submission AS (
    INSERT INTO submissions (partner_id, id, payment_id, sequence, bank_id, state, end_to_end_id, created_at,
                             updated_at)
    VALUES ($1, $2, $3, $11, $12, $13, $14, $15, $15)
)
INSERT INTO bank_operations (partner_id, submission_id, payment_id, id, sequence, kind, state, idempotency_key, digest,
                             sealed_request)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: insert_operation
-- One call with its exact bytes, sealed.
INSERT INTO bank_operations (partner_id, submission_id, payment_id, id, sequence, kind, state, idempotency_key, digest,
                             sealed_request)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: take_lease
-- The one process whose update finds the operation as it was read may send it.
WITH submission AS (
    UPDATE submissions SET sent_at = coalesce(sent_at, $6)
    WHERE partner_id = $1 AND id = (SELECT submission_id FROM bank_operations WHERE partner_id = $1 AND id = $2)
)
UPDATE bank_operations
SET state = 'in_flight', sends = sends + 1, lease_owner = $4, lease_until = $5,
    first_sent_at = coalesce(first_sent_at, $6), last_sent_at = $6
WHERE partner_id = $1 AND id = $2 AND state = $3
RETURNING id;

-- name: end_operation
-- Only who holds the lease ends the operation.
UPDATE bank_operations
SET state = $4, lease_owner = NULL, lease_until = NULL, ended_at = $5
WHERE partner_id = $1 AND id = $2 AND lease_owner = $3
RETURNING id;

-- name: take_over_operations
-- What was in flight longer than its lease is unknown from now on.
UPDATE bank_operations
SET state = 'unknown', lease_owner = NULL, lease_until = NULL
WHERE partner_id = $1 AND submission_id = $2 AND state = 'in_flight' AND lease_until <= $3;

-- name: withdraw_operations
-- What was planned for a submission is not sent any more.
UPDATE bank_operations SET state = 'never_left', ended_at = $3
WHERE partner_id = $1 AND submission_id = $2 AND state = 'planned';
