-- name: insert_authorisation
-- Who may come back for a submission; the bank was not asked yet.
INSERT INTO authorisations (partner_id, id, environment, bank_id, payment_id, submission_id, status, state_digest,
                            sealed_handshake, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, 'planned', $7, $8, $9, $9);

-- name: put_cancellation
-- Who may come back for the withdrawal of a submission; whoever was sent out for an earlier one comes back for nothing.
INSERT INTO authorisations (partner_id, id, environment, bank_id, payment_id, submission_id, status, state_digest,
                            sealed_handshake, created_at, updated_at, purpose)
VALUES ($1, $2, $3, $4, $5, $6, 'planned', $7, $8, $9, $9, 'cancellation')
ON CONFLICT (partner_id, submission_id, purpose) DO UPDATE
SET id = excluded.id, status = 'planned', method = NULL, state_digest = excluded.state_digest,
    sealed_handshake = excluded.sealed_handshake, expires_at = NULL, returned_at = NULL, updated_at = excluded.updated_at;

-- name: find_authorisation
-- How a submission's authorisation stands, and the bank's id of the consent.
SELECT a.id, a.status::text AS status, a.method, a.sealed_handshake, a.sealed_grant, a.expires_at, a.returned_at,
       s.consent_id
FROM authorisations a
JOIN submissions s ON s.partner_id = a.partner_id AND s.id = a.submission_id
WHERE a.partner_id = $1 AND a.submission_id = $2 AND a.purpose = $3;

-- name: find_by_state
-- The payment for which somebody comes back.
-- across partners: who comes back shows the state only, and the partner is what the look-up finds.
SELECT partner_id, payment_id, submission_id, bank_id, purpose::text AS purpose
FROM authorisations
WHERE state_digest = $1;

-- name: list_invitations
-- Where the payers of some payments are expected; for a withdrawal, where one is, rather than for the payment.
SELECT payment_id, id, method, sealed_handshake, expires_at, purpose::text AS purpose
FROM authorisations
WHERE partner_id = $1 AND payment_id = ANY ($2::uuid[]) AND status = 'awaiting'
  AND (purpose = 'payment' OR expires_at > $3)
ORDER BY authorisations.purpose;

-- name: write_consent
-- The bank's ids of a consent, or of a payment that waits for one.
UPDATE submissions SET consent_id = coalesce($3, consent_id), bank_reference = coalesce($4, bank_reference)
WHERE partner_id = $1 AND id = $2;

-- name: write_authorisation
-- How an authorisation stands.
UPDATE authorisations
SET status = $3, method = $4, sealed_handshake = $5, sealed_grant = $6, expires_at = $7, returned_at = $8,
    updated_at = $9
WHERE partner_id = $1 AND id = $2;
