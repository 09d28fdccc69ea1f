-- name: lock_endpoint
-- An endpoint of the partner and environment, locked for a change.
SELECT partner_id, id, environment::text, merchant_id, sealed_settings, sealed_filter, event_types, merchant_ids,
    payload::text, signatures::text[], ordered, concurrency, weight, rate_per_second, rate_burst, schedule_seconds,
    state::text, state_reason, disabled_at, paused_at, held_at, is_challenged, proven_at, sealed_client_certificate,
    client_certificate_expires_at, version, created_at, updated_at
FROM webhook_endpoints
WHERE partner_id = $1 AND environment = $2 AND id = $3 AND state <> 'deleted'
FOR UPDATE;

-- name: get_endpoint
-- One endpoint of the partner and environment.
SELECT partner_id, id, environment::text, merchant_id, sealed_settings, sealed_filter, event_types, merchant_ids,
    payload::text, signatures::text[], ordered, concurrency, weight, rate_per_second, rate_burst, schedule_seconds,
    state::text, state_reason, disabled_at, paused_at, held_at, is_challenged, proven_at, sealed_client_certificate,
    client_certificate_expires_at, version, created_at, updated_at
FROM webhook_endpoints
WHERE partner_id = $1 AND environment = $2 AND id = $3 AND state <> 'deleted';

-- name: list_endpoints
-- The endpoints of the partner and environment, oldest first, of all merchants or one.
SELECT partner_id, id, environment::text, merchant_id, sealed_settings, sealed_filter, event_types, merchant_ids,
    payload::text, signatures::text[], ordered, concurrency, weight, rate_per_second, rate_burst, schedule_seconds,
    state::text, state_reason, disabled_at, paused_at, held_at, is_challenged, proven_at, sealed_client_certificate,
    client_certificate_expires_at, version, created_at, updated_at
FROM webhook_endpoints
WHERE partner_id = $1 AND environment = $2 AND state <> 'deleted'
    AND ($3::uuid IS NULL OR merchant_id = $3::uuid)
    AND ($4::uuid IS NULL OR id > $4::uuid)
ORDER BY id
LIMIT $5;

-- name: insert_endpoint
-- A new endpoint.
INSERT INTO webhook_endpoints
    (partner_id, id, environment, merchant_id, sealed_settings, sealed_filter, event_types, merchant_ids, payload,
     signatures, ordered, concurrency, weight, rate_per_second, rate_burst, schedule_seconds, state, state_reason,
     disabled_at, is_challenged, proven_at, sealed_client_certificate, client_certificate_expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text[]::signature_scheme[], $11, $12, $13, $14, $15, $16, $17, $18,
        $19, $20, $21, $22, $23);

-- name: update_endpoint
-- A changed endpoint; its owner never changes. Of another client certificate nobody was warned yet.
UPDATE webhook_endpoints
SET sealed_settings = $5, sealed_filter = $6, event_types = $7, merchant_ids = $8, payload = $9,
    signatures = $10::text[]::signature_scheme[], ordered = $11, concurrency = $12, weight = $13, rate_per_second = $14,
    rate_burst = $15, schedule_seconds = $16, state = $17, state_reason = $18, disabled_at = $19, is_challenged = $20,
    proven_at = $21, sealed_client_certificate = $22, client_certificate_expires_at = $23,
    client_certificate_told = CASE WHEN client_certificate_expires_at = $23 THEN client_certificate_told END,
    version = version + 1, updated_at = now()
WHERE partner_id = $1 AND id = $2 AND environment = $3 AND merchant_id IS NOT DISTINCT FROM $4::uuid;

-- name: move_version
-- The endpoints of the partner's environment changed; makes the row if this is the first change.
INSERT INTO environments (partner_id, environment, endpoints_version) VALUES ($1, $2, 1)
ON CONFLICT (partner_id, environment) DO UPDATE SET endpoints_version = environments.endpoints_version + 1;

-- name: move_endpoint
-- The endpoint is another version now.
UPDATE webhook_endpoints SET version = version + 1, updated_at = now() WHERE partner_id = $1 AND id = $2;
