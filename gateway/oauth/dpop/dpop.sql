-- name: spend_proofs
-- Remembers proofs that are used now; answers those that were not used before.
INSERT INTO dpop_proofs (partner_id, digest, expires_at)
SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::timestamptz[])
ON CONFLICT DO NOTHING
RETURNING digest;

-- name: find_proofs
-- Which of these proofs were used already.
SELECT digest FROM dpop_proofs WHERE partner_id = ANY ($1::uuid[]) AND digest = ANY ($2::bytea[]);
