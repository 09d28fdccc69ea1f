-- name: use_assertion
-- Marks an assertion as used; no row where it was used before.
INSERT INTO used_assertions (partner_id, client_id, digest, expires_at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
RETURNING true;
