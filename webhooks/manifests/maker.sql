-- name: lead
-- Whether this process makes manifests until its transaction ends.
SELECT pg_try_advisory_xact_lock(hashtextextended('threadneedle.manifests', 0));

-- name: plan_by_index
-- For this transaction only: numbers are read in order from their index, and the weeks before are left out.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
       set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true);

-- name: due_endpoints
-- A page of the endpoints after ($1, $2) that lack a manifest of a day up to $3; a deleted one has its last on the day of
-- its deletion.
-- across partners: every endpoint has its manifests.
SELECT partner_id, id, environment, merchant_id, next_day, until_day
FROM (
    SELECT w.partner_id, w.id, w.environment::text, w.merchant_id,
           coalesce(m.day + 1, (w.created_at AT TIME ZONE 'UTC')::date) AS next_day,
           least($3::date, CASE WHEN w.state = 'deleted' THEN (w.updated_at AT TIME ZONE 'UTC')::date END) AS until_day
    FROM webhook_endpoints AS w
    LEFT JOIN LATERAL (
        SELECT day FROM endpoint_manifests WHERE partner_id = w.partner_id AND endpoint_id = w.id
        ORDER BY day DESC LIMIT 1
    ) AS m ON true
    WHERE (w.partner_id, w.id) > ($1, $2)
) AS e
WHERE next_day <= until_day
ORDER BY partner_id, id LIMIT $4;

-- name: last_manifest
-- The newest manifest of an endpoint.
SELECT day, last_sequence, document FROM endpoint_manifests
WHERE partner_id = $1 AND endpoint_id = $2
ORDER BY day DESC LIMIT 1;

-- name: next_numbers
-- The next $4 numbers of an endpoint after $3.
SELECT sequence, id, event_id FROM deliveries
WHERE partner_id = $1 AND endpoint_id = $2 AND sequence > $3
ORDER BY sequence LIMIT $4;

-- name: insert_manifest
-- A day's manifest, unless another process was first.
INSERT INTO endpoint_manifests (partner_id, endpoint_id, day, first_sequence, last_sequence, digest, document, made_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING;
