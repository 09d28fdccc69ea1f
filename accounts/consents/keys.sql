-- name: insert_consent_key
-- Bind a key to a consent; waits for a concurrent twin's transaction and inserts nothing if that commits.
INSERT INTO request_keys (partner_id, environment, key_digest, fingerprint, resource_id, status_code, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (partner_id, environment, key_digest) DO NOTHING
RETURNING true;

-- name: find_consent_key
-- What a key is bound to.
SELECT fingerprint, resource_id
FROM request_keys
WHERE partner_id = $1 AND environment = $2 AND key_digest = $3;
