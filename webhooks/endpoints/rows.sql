-- name: lock_endpoint
-- An endpoint of the partner and environment, locked for a change.
SELECT partner_id, id, environment::text, merchant_id, sealed_settings, event_types, ordered, state::text, state_reason,
    concurrency, version, created_at, updated_at
FROM webhook_endpoints
WHERE partner_id = $1 AND environment = $2 AND id = $3 AND state <> 'deleted'
FOR UPDATE;

-- name: move_version
-- The endpoints of the partner's environment changed; makes the row if this is the first change.
INSERT INTO environments (partner_id, environment, endpoints_version) VALUES ($1, $2, 1)
ON CONFLICT (partner_id, environment) DO UPDATE SET endpoints_version = environments.endpoints_version + 1;
