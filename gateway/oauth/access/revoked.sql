-- name: revoke_token
-- Ends a token before its time; ending it twice changes nothing.
INSERT INTO revoked_tokens (partner_id, jti, client_id, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;

-- name: list_revoked
-- The tokens that were revoked since a time and have not expired.
-- across partners: each gateway process keeps them all, so that a revocation is in force within a second.
SELECT jti, expires_at, revoked_at FROM revoked_tokens WHERE revoked_at > $1 AND expires_at > $2;
