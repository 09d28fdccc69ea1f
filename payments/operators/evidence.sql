-- name: find_payment
-- Whose payment this is; one look-up in the primary key per partner.
-- across partners: an admin names the payment only, and the partner is what the look-up finds.
SELECT p.partner_id, p.environment::text AS environment
FROM partners a
JOIN payments p ON p.partner_id = a.id AND p.id = $1;

-- name: is_anothers
-- Whether this bank gave a reference to another submission.
-- across partners: what a bank calls by one reference is one payment, whosever it is.
SELECT EXISTS (SELECT FROM submissions WHERE bank_id = $1 AND bank_reference = $2 AND id <> $3);

-- name: find_open
-- The proposal that could be confirmed until now: the newest one, unless it was.
SELECT id FROM (
    SELECT id, confirmed_by FROM evidence_proposals
    WHERE partner_id = $1 AND payment_id = $2
    ORDER BY proposed_at DESC LIMIT 1
) newest
WHERE confirmed_by IS NULL;

-- name: insert_proposal
-- What one person says the bank's books show; always the newest of its payment, whatever the processes' clocks say.
INSERT INTO evidence_proposals (partner_id, id, payment_id, verdict, sealed_note, proposed_by, proposed_at,
                                payment_version, bank_reference)
VALUES ($1, $2, $3, $4, $5, $6, greatest($7, (
    SELECT max(proposed_at) + interval '1 microsecond' FROM evidence_proposals
    WHERE partner_id = $1 AND payment_id = $3
)), $8, $9)
RETURNING proposed_at;

-- name: list_proposals
-- A payment's proposals with who confirmed them, newest first.
SELECT id, payment_id, verdict, sealed_note, proposed_by, proposed_at, confirmed_by, confirmed_at, payment_version,
    bank_reference,
    row_number() OVER (ORDER BY proposed_at DESC) = 1 AS newest
FROM evidence_proposals
WHERE partner_id = $1 AND payment_id = $2
ORDER BY proposed_at DESC LIMIT 100;

-- name: lock_proposal
-- A proposal as it stands, locked until the transaction ends, and whether there is no newer one of its payment.
SELECT id, payment_id, verdict, proposed_by, proposed_at, confirmed_by, payment_version, bank_reference, NOT EXISTS (
    SELECT FROM evidence_proposals newer
    WHERE newer.partner_id = $1 AND newer.payment_id = $2 AND newer.proposed_at > proposal.proposed_at
) AS newest
FROM evidence_proposals proposal
WHERE partner_id = $1 AND payment_id = $2 AND id = $3
FOR UPDATE;

-- name: confirm_proposal
-- A second person says the same; the table itself refuses the first one.
UPDATE evidence_proposals SET confirmed_by = $3, confirmed_at = $4
WHERE partner_id = $1 AND id = $2;
