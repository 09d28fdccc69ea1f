-- What a batch of claims needs from the truth.

-- name: begin
-- For this transaction only: plan for the tables as they are now and for these ids. A plan that was made while a
-- partition was young would read it whole, or by the wrong index, for ever.
BEGIN READ ONLY; SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;

-- name: load_deliveries
-- The claimed deliveries with their events; the caller compares them with their jobs. $3 and $4 bound the ids of
-- deliveries and events, so that other weeks are not even planned. What follows in the transaction is planned once: it
-- reads tables that are not partitioned, by their only index that fits.
SELECT d.partner_id, d.id, d.environment::text, d.event_id, d.endpoint_id, d.state::text, d.round, d.step, d.sequence,
       d.round_at, d.last_attempt_at,
       CASE WHEN d.next_attempt_at > now() THEN extract(epoch FROM d.next_attempt_at - now()) * 1000 END::bigint AS delay_ms,
       CASE WHEN d.not_before > now() THEN extract(epoch FROM d.not_before - now()) * 1000 END::bigint AS early_ms,
       e.merchant_id, e.type, e.occurred_at, e.sealed_body
FROM (SELECT set_config('plan_cache_mode', 'force_generic_plan', true)) AS plan,
    unnest($1::uuid[], $2::uuid[]) AS c (partner_id, id)
CROSS JOIN LATERAL (
    SELECT * FROM deliveries WHERE partner_id = c.partner_id AND id = c.id AND id BETWEEN $3 AND $4 LIMIT 1
) AS d
LEFT JOIN LATERAL (
    SELECT merchant_id, type, occurred_at, sealed_body FROM events
    WHERE partner_id = d.partner_id AND id = d.event_id AND id BETWEEN $3 AND $4 LIMIT 1
) AS e ON true;

-- name: load_endpoints
-- The endpoints of a batch with the keys that sign now: those of the schemes that each chose, v1 before v1a, newest
-- first.
SELECT w.partner_id, w.id, w.state::text, w.version, w.sealed_settings, w.sealed_client_certificate,
       w.payload::text, w.schedule_seconds, w.paused_at, w.held_at, w.failing_since, w.concurrency, w.weight,
       w.rate_per_second, w.rate_burst, s.key_ids, s.schemes, s.sealed_keys
FROM unnest($1::uuid[], $2::uuid[]) AS c (partner_id, id)
CROSS JOIN LATERAL (
    SELECT * FROM webhook_endpoints WHERE partner_id = c.partner_id AND id = c.id LIMIT 1
) AS w
CROSS JOIN LATERAL (
    SELECT array_agg(k.id ORDER BY k.scheme, k.created_at DESC, k.id DESC) AS key_ids,
           array_agg(k.scheme::text ORDER BY k.scheme, k.created_at DESC, k.id DESC) AS schemes,
           array_agg(k.sealed_secret ORDER BY k.scheme, k.created_at DESC, k.id DESC) AS sealed_keys
    FROM endpoint_secrets AS k
    WHERE k.partner_id = w.partner_id AND k.endpoint_id = w.id AND (k.expires_at IS NULL OR k.expires_at > now())
      AND k.scheme = ANY (w.signatures)
) AS s;
