-- name: count_endpoints
-- How many endpoints the merchant has (or the partner without merchant), and whether there is such a merchant.
SELECT
    (SELECT count(*) FROM webhook_endpoints
     WHERE partner_id = $1 AND environment = $2 AND merchant_id IS NOT DISTINCT FROM $3::uuid
        AND state <> 'deleted') AS endpoints,
    $3::uuid IS NULL OR EXISTS (
        SELECT FROM merchants WHERE partner_id = $1 AND environment = $2 AND id = $3::uuid
    ) AS is_known;

-- name: insert_endpoint
-- A new endpoint, enabled.
INSERT INTO webhook_endpoints
    (partner_id, id, environment, merchant_id, sealed_settings, event_types, ordered, concurrency)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: get_endpoint
-- One endpoint of the partner and environment.
SELECT partner_id, id, environment::text, merchant_id, sealed_settings, event_types, ordered, state::text, state_reason,
    concurrency, version, created_at, updated_at
FROM webhook_endpoints
WHERE partner_id = $1 AND environment = $2 AND id = $3 AND state <> 'deleted';

-- name: list_endpoints
-- The endpoints of the partner and environment, oldest first, of all merchants or one.
SELECT partner_id, id, environment::text, merchant_id, sealed_settings, event_types, ordered, state::text, state_reason,
    concurrency, version, created_at, updated_at
FROM webhook_endpoints
WHERE partner_id = $1 AND environment = $2 AND state <> 'deleted'
    AND ($3::uuid IS NULL OR merchant_id = $3::uuid)
    AND ($4::uuid IS NULL OR id > $4::uuid)
ORDER BY id
LIMIT $5;

-- name: update_endpoint
-- A changed endpoint; one that its owner enables starts without the memory of failures.
UPDATE webhook_endpoints
SET sealed_settings = $3, event_types = $4, ordered = $5, concurrency = $6, version = version + 1, updated_at = now(),
    failing_since = CASE WHEN state = 'disabled' AND $7::endpoint_state = 'enabled' THEN NULL ELSE failing_since END,
    state = $7, state_reason = $8
WHERE partner_id = $1 AND id = $2;

-- name: delete_endpoint
-- A deleted endpoint is never enabled again.
UPDATE webhook_endpoints
SET state = 'deleted', state_reason = 'owner', version = version + 1, updated_at = now()
WHERE partner_id = $1 AND id = $2;
