-- name: find_payment
-- Whose payment this is; one look-up in the primary key per partner.
-- across partners: an admin names the payment only, and the partner is what the look-up finds.
SELECT p.partner_id, p.environment::text AS environment
FROM partners a
JOIN payments p ON p.partner_id = a.id AND p.id = $1;

-- name: insert_proposal
-- What one person says the bank's books show.
INSERT INTO evidence_proposals (partner_id, id, payment_id, verdict, sealed_note, proposed_by, proposed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: lock_proposal
-- A proposal as it stands, locked until the transaction ends.
SELECT verdict, proposed_by, confirmed_by
FROM evidence_proposals
WHERE partner_id = $1 AND payment_id = $2 AND id = $3
FOR UPDATE;

-- name: confirm_proposal
-- A second person says the same; the table itself refuses the first one.
UPDATE evidence_proposals SET confirmed_by = $3, confirmed_at = $4
WHERE partner_id = $1 AND id = $2;
