-- name: live_secrets
-- What signs now, newest first.
SELECT id, sealed_secret, created_at, expires_at
FROM endpoint_secrets
WHERE partner_id = $1 AND endpoint_id = $2 AND (expires_at IS NULL OR expires_at > now())
ORDER BY created_at DESC, id DESC;

-- name: insert_secret
-- A new current secret. It is newer than the ones before also where one transaction makes both.
INSERT INTO endpoint_secrets (partner_id, endpoint_id, id, sealed_secret, created_at)
VALUES ($1, $2, $3, $4, clock_timestamp());

-- name: count_expiring
-- How many earlier secrets still sign.
SELECT count(*) FROM endpoint_secrets WHERE partner_id = $1 AND endpoint_id = $2 AND expires_at > now();

-- name: drop_expiring
-- Earlier secrets stop to sign.
UPDATE endpoint_secrets SET expires_at = now() WHERE partner_id = $1 AND endpoint_id = $2 AND expires_at > now();

-- name: expire_current
-- The current secret signs for the overlap only.
UPDATE endpoint_secrets SET expires_at = now() + $3::interval
WHERE partner_id = $1 AND endpoint_id = $2 AND expires_at IS NULL;

-- name: move_endpoint
-- The endpoint is another version now.
UPDATE webhook_endpoints SET version = version + 1, updated_at = now() WHERE partner_id = $1 AND id = $2;
