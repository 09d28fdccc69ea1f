-- An endpoint's health: read and changed under the endpoint's lock, so that each change is told exactly once.

-- name: lock_endpoints
-- The endpoints for which a batch of results changes something, if they are still the version that was sent to. Where
-- all is well and stays so, no row is locked. Everybody locks in this order.
SELECT w.partner_id, w.id, w.environment::text, w.state::text, w.lane_failures, w.held_at, w.probes, w.next_probe_at,
       w.is_releasing, w.failing_since, w.failed_deliveries, w.warnings_told, w.certificate_expires_at, w.certificate_told,
       w.paused_at, w.concurrency, w.weight, w.rate_per_second, w.rate_burst, now() AS now
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::boolean[], $5::timestamptz[])
    AS c (partner_id, id, version, failed, certificate_expires_at)
JOIN webhook_endpoints AS w ON w.partner_id = c.partner_id AND w.id = c.id AND w.version = c.version
WHERE c.failed OR w.lane_failures > 0 OR w.held_at IS NOT NULL OR w.failing_since IS NOT NULL
   OR c.certificate_expires_at <> w.certificate_expires_at
   OR (c.certificate_expires_at IS NOT NULL AND w.certificate_expires_at IS NULL)
ORDER BY w.partner_id, w.id
FOR UPDATE OF w;

-- name: change_health
-- The health of locked endpoints becomes this.
UPDATE webhook_endpoints AS w
SET lane_failures = c.lane_failures, held_at = c.held_at, probes = c.probes, next_probe_at = c.next_probe_at,
    is_releasing = c.is_releasing, failing_since = c.failing_since, failed_deliveries = c.failed_deliveries,
    warnings_told = c.warnings_told, certificate_expires_at = c.certificate_expires_at,
    certificate_told = c.certificate_told
FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::timestamptz[], $5::smallint[], $6::timestamptz[],
            $7::boolean[], $8::timestamptz[], $9::integer[], $10::smallint[], $11::timestamptz[], $12::timestamptz[])
    AS c (partner_id, id, lane_failures, held_at, probes, next_probe_at, is_releasing, failing_since,
          failed_deliveries, warnings_told, certificate_expires_at, certificate_told)
WHERE w.partner_id = c.partner_id AND w.id = c.id;

-- name: move_versions
-- Tell the matchers that endpoints of these environments change; before the endpoints, as every change of one does.
UPDATE environments AS v
SET endpoints_version = v.endpoints_version + 1
WHERE (v.partner_id, v.environment) IN (
    SELECT w.partner_id, w.environment
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS c (partner_id, id, version)
    JOIN webhook_endpoints AS w ON w.partner_id = c.partner_id AND w.id = c.id AND w.version = c.version
    WHERE w.state = 'enabled'
);

-- name: disable_endpoints
-- Enabled endpoints are disabled, if they are still of this version; whatever was known of their health ends with it.
UPDATE webhook_endpoints AS w
SET state = 'disabled', state_reason = $4, disabled_at = now(), version = w.version + 1, updated_at = now(),
    lane_failures = 0, held_at = NULL, probes = 0, next_probe_at = NULL, is_releasing = false,
    failing_since = NULL, failed_deliveries = 0, warnings_told = 0
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS c (partner_id, id, version)
WHERE w.partner_id = c.partner_id AND w.id = c.id AND w.version = c.version AND w.state = 'enabled'
RETURNING w.partner_id, w.environment::text, w.id;

-- name: lead
-- Whether this process watches until its transaction ends.
SELECT pg_try_advisory_xact_lock(hashtextextended('threadneedle.health', 0));

-- name: due_warnings
-- Enabled endpoints that have failed for longer than they were warned of; $1 are the ages at which a warning is due.
-- across partners: time passes for all of them.
SELECT w.partner_id, w.id, w.environment::text, w.failing_since, w.failed_deliveries, due.warnings
FROM webhook_endpoints AS w
CROSS JOIN LATERAL (
    SELECT count(*)::smallint AS warnings FROM unnest($1::interval[]) AS age WHERE w.failing_since <= now() - age
) AS due
WHERE w.failing_since IS NOT NULL AND w.state = 'enabled' AND w.warnings_told < due.warnings
ORDER BY w.partner_id, w.id LIMIT $2
FOR UPDATE OF w;

-- name: note_warnings
-- These warnings of locked endpoints are told in this transaction.
UPDATE webhook_endpoints AS w SET warnings_told = c.warnings
FROM unnest($1::uuid[], $2::uuid[], $3::smallint[]) AS c (partner_id, id, warnings)
WHERE w.partner_id = c.partner_id AND w.id = c.id;

-- name: hopeless_endpoints
-- Enabled endpoints that have failed for $1, at no fewer than $2 distinct deliveries.
-- across partners: time passes for all of them.
SELECT partner_id, id, version FROM webhook_endpoints
WHERE failing_since <= now() - $1::interval AND failed_deliveries >= $2 AND state = 'enabled'
ORDER BY partner_id, id LIMIT $3;

-- name: due_certificates
-- Enabled endpoints whose certificate ends so soon that it is to be told; $1 are the times before its end.
-- across partners: time passes for all of them.
SELECT w.partner_id, w.id, w.environment::text, w.certificate_expires_at, due.moment
FROM webhook_endpoints AS w
CROSS JOIN LATERAL (
    SELECT max(w.certificate_expires_at - before) AS moment FROM unnest($1::interval[]) AS before
    WHERE w.certificate_expires_at - before <= now()
) AS due
WHERE w.certificate_expires_at IS NOT NULL AND w.state = 'enabled'
  AND due.moment > coalesce(w.certificate_told, '-infinity')
ORDER BY w.partner_id, w.id LIMIT $2
FOR UPDATE OF w;

-- name: note_certificates
-- These moments of locked endpoints are told in this transaction.
UPDATE webhook_endpoints AS w SET certificate_told = c.moment
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS c (partner_id, id, moment)
WHERE w.partner_id = c.partner_id AND w.id = c.id;

-- name: due_client_certificates
-- Enabled endpoints to which we show a certificate that ends so soon that it is to be told; $1 are the times before its
-- end.
-- across partners: time passes for all of them.
SELECT w.partner_id, w.id, w.environment::text, w.client_certificate_expires_at AS certificate_expires_at, due.moment
FROM webhook_endpoints AS w
CROSS JOIN LATERAL (
    SELECT max(w.client_certificate_expires_at - before) AS moment FROM unnest($1::interval[]) AS before
    WHERE w.client_certificate_expires_at - before <= now()
) AS due
WHERE w.client_certificate_expires_at IS NOT NULL AND w.state = 'enabled'
  AND due.moment > coalesce(w.client_certificate_told, '-infinity')
ORDER BY w.partner_id, w.id LIMIT $2
FOR UPDATE OF w;

-- name: note_client_certificates
-- These moments of locked endpoints are told in this transaction.
UPDATE webhook_endpoints AS w SET client_certificate_told = c.moment
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS c (partner_id, id, moment)
WHERE w.partner_id = c.partner_id AND w.id = c.id;
