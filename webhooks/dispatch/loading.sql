-- What a batch of claims needs from the truth.

-- name: plan_now
-- For this transaction only: plan for the tables as they are now and for these ids. A plan that was made while a
-- partition was young would read it whole, or by the wrong index, for ever.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
       set_config('enable_bitmapscan', 'off', true);

-- name: load_deliveries
-- The claimed deliveries with their events, endpoints and live secrets, newest first; the caller compares them with
-- their jobs. $3 and $4 bound the ids of deliveries and events, so that other weeks are not even planned.
SELECT d.partner_id, d.id, d.environment::text, d.event_id, d.endpoint_id, d.state::text, d.round, d.step,
       greatest(extract(epoch FROM d.next_attempt_at - now()) * 1000, 0)::bigint AS delay_ms,
       e.merchant_id, e.sealed_body,
       w.state::text AS endpoint_state, w.version, w.sealed_settings, w.concurrency,
       w.failing_since IS NOT NULL AS is_failing, s.secret_ids, s.sealed_secrets
FROM unnest($1::uuid[], $2::uuid[]) AS c (partner_id, id)
CROSS JOIN LATERAL (
    SELECT * FROM deliveries WHERE partner_id = c.partner_id AND id = c.id AND id BETWEEN $3 AND $4 LIMIT 1
) AS d
LEFT JOIN LATERAL (
    SELECT merchant_id, sealed_body FROM events
    WHERE partner_id = d.partner_id AND id = d.event_id AND id BETWEEN $3 AND $4 LIMIT 1
) AS e ON true
LEFT JOIN LATERAL (
    SELECT state, version, sealed_settings, concurrency, failing_since
    FROM webhook_endpoints WHERE partner_id = d.partner_id AND id = d.endpoint_id LIMIT 1
) AS w ON true
CROSS JOIN LATERAL (
    SELECT array_agg(id ORDER BY created_at DESC, id DESC) AS secret_ids,
           array_agg(sealed_secret ORDER BY created_at DESC, id DESC) AS sealed_secrets
    FROM endpoint_secrets
    WHERE partner_id = d.partner_id AND endpoint_id = d.endpoint_id AND (expires_at IS NULL OR expires_at > now())
) AS s;
