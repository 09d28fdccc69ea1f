-- name: live_keys
-- What signs now, newest first, v1 before v1a.
SELECT id, scheme::text, sealed_secret, public_key, created_at, expires_at
FROM endpoint_secrets
WHERE partner_id = $1 AND endpoint_id = $2 AND (expires_at IS NULL OR expires_at > now())
ORDER BY scheme, created_at DESC, id DESC;

-- name: insert_key
-- A new current key. It is newer than the ones before also where one transaction makes both.
INSERT INTO endpoint_secrets (partner_id, endpoint_id, id, scheme, sealed_secret, public_key, created_at)
VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp());

-- name: count_expiring
-- How many earlier keys of the scheme still sign.
SELECT count(*) FROM endpoint_secrets
WHERE partner_id = $1 AND endpoint_id = $2 AND scheme = $3 AND expires_at > now();

-- name: drop_expiring
-- Earlier keys of the scheme stop to sign.
UPDATE endpoint_secrets SET expires_at = now()
WHERE partner_id = $1 AND endpoint_id = $2 AND scheme = $3 AND expires_at > now();

-- name: expire_current
-- The current key of the scheme signs for the overlap only.
UPDATE endpoint_secrets SET expires_at = now() + $4::interval
WHERE partner_id = $1 AND endpoint_id = $2 AND scheme = $3 AND expires_at IS NULL
RETURNING expires_at;

-- name: public_keys
-- The public keys of an endpoint that is not deleted, newest first. No row: there is no such endpoint.
SELECT s.id, s.public_key
FROM webhook_endpoints AS w
LEFT JOIN endpoint_secrets AS s
    ON s.partner_id = w.partner_id AND s.endpoint_id = w.id AND s.scheme = 'v1a'
    AND (s.expires_at IS NULL OR s.expires_at > now())
WHERE w.partner_id = $1 AND w.environment = $2 AND w.id = $3 AND w.state <> 'deleted'
ORDER BY s.created_at DESC, s.id DESC;
