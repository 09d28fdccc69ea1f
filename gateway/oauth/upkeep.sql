-- name: forget_proofs
-- A chunk of the proofs that no nonce of ours makes acceptable any longer.
-- across partners: how long they are kept is the installation's matter.
DELETE FROM dpop_proofs WHERE ctid = ANY (ARRAY(SELECT ctid FROM dpop_proofs WHERE expires_at < $1 LIMIT $2));

-- name: forget_revoked
-- A chunk of the revoked tokens that have expired.
-- across partners: how long they are kept is the installation's matter.
DELETE FROM revoked_tokens WHERE ctid = ANY (ARRAY(SELECT ctid FROM revoked_tokens WHERE expires_at < $1 LIMIT $2));
