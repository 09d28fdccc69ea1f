-- name: list_manifests
-- The manifests of an endpoint of this partner and environment before a day, newest first. Without any, one row of nulls
-- says that there is such an endpoint.
SELECT m.day, m.document
FROM webhook_endpoints AS w
LEFT JOIN LATERAL (
    SELECT day, document FROM endpoint_manifests
    WHERE partner_id = w.partner_id AND endpoint_id = w.id AND ($4::date IS NULL OR day < $4)
    ORDER BY day DESC LIMIT $5
) AS m ON true
WHERE w.partner_id = $1 AND w.id = $2 AND w.environment = $3
ORDER BY m.day DESC;

-- name: get_manifest
-- One day's manifest of an endpoint of this partner and environment.
SELECT m.document
FROM webhook_endpoints AS w
JOIN endpoint_manifests AS m ON m.partner_id = w.partner_id AND m.endpoint_id = w.id
WHERE w.partner_id = $1 AND w.id = $2 AND w.environment = $3 AND m.day = $4;

-- name: public_keys
-- Every public key that an endpoint ever signed with.
SELECT id, public_key FROM endpoint_secrets WHERE partner_id = $1 AND endpoint_id = $2 AND public_key IS NOT NULL;
