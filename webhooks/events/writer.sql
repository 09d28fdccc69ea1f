-- name: claim_keys
-- Take the partners' own event ids that nobody has; waits for transactions that are taking the same ones.
INSERT INTO event_keys (partner_id, environment, key_digest, fingerprint, event_id)
SELECT partner_id, environment::environment, key_digest, fingerprint, event_id
FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[], $5::uuid[])
    AS new (partner_id, environment, key_digest, fingerprint, event_id)
ON CONFLICT (partner_id, environment, key_digest) DO NOTHING;

-- name: find_keys
-- Whose each of these ids is now.
SELECT k.partner_id, k.environment::text, k.key_digest, k.fingerprint, k.event_id
FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS asked (partner_id, environment, key_digest)
JOIN event_keys k ON k.partner_id = asked.partner_id
    AND k.environment = asked.environment::environment AND k.key_digest = asked.key_digest;

-- name: lock_lines
-- Hold each line (endpoint and ordering key, as text "endpoint/key") until the transaction ends, in the order given.
-- What follows is planned once, and for looking rows up: planning it anew costs more than all the rest of one event, and
-- a plan made while a week's table was young would read it whole, for ever.
SELECT pg_advisory_xact_lock(hashtextextended(line, 0))
FROM (SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
    set_config('plan_cache_mode', 'force_generic_plan', true)) AS plan,
    unnest($1::text[]) AS line;

-- name: last_unended
-- The last delivery of each line that has not ended.
SELECT asked.partner_id, asked.endpoint_id, asked.ordering_key, last.id
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS asked (partner_id, endpoint_id, ordering_key)
CROSS JOIN LATERAL (
    SELECT d.id FROM deliveries d
    WHERE d.partner_id = asked.partner_id AND d.endpoint_id = asked.endpoint_id
        AND d.ordering_key = asked.ordering_key AND d.state IN ('waiting', 'pending') AND d.ordering_key IS NOT NULL
    ORDER BY d.id DESC LIMIT 1
) AS last;

-- name: insert_events
-- New events with the number of endpoints that hear of each.
INSERT INTO events (partner_id, id, environment, merchant_id, type, ordering_key, occurred_at, matched, sealed_body,
    type_version)
SELECT partner_id, id, environment::environment, merchant_id, type, ordering_key, occurred_at, matched, sealed_body,
    type_version
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::uuid[], $7::timestamptz[], $8::smallint[],
        $9::bytea[], $10::smallint[])
    AS new (partner_id, id, environment, merchant_id, type, ordering_key, occurred_at, matched, sealed_body,
        type_version);

-- name: insert_deliveries
-- Their deliveries: due now, or waiting behind an earlier one of the same line. Each is numbered in the same statement:
-- the counters of the lanes ($10, $11, in the order of their keys) are moved on by their counts ($12), and a delivery
-- ($8 says of which lane) has the new count less those that come after it ($9). See numbers.sql.
WITH taken AS (
    INSERT INTO endpoint_counters AS counter (partner_id, endpoint_id, last_sequence)
    SELECT lane.partner_id, lane.endpoint_id, lane.count
    FROM unnest($10::uuid[], $11::uuid[], $12::bigint[]) AS lane (partner_id, endpoint_id, count)
    ORDER BY lane.partner_id, lane.endpoint_id
    ON CONFLICT (partner_id, endpoint_id) DO UPDATE SET last_sequence = counter.last_sequence + excluded.last_sequence
    RETURNING counter.partner_id, counter.endpoint_id, counter.last_sequence
), counts AS MATERIALIZED (
    SELECT array_agg(last_sequence ORDER BY partner_id, endpoint_id) AS last FROM taken
)
INSERT INTO deliveries (partner_id, id, environment, event_id, endpoint_id, ordering_key, state, next_attempt_at,
    sequence, priority)
SELECT new.partner_id, new.id, new.environment::environment, new.event_id, new.endpoint_id, new.ordering_key,
    CASE WHEN new.is_waiting THEN 'waiting' ELSE 'pending' END::delivery_state,
    CASE WHEN new.is_waiting THEN NULL ELSE now() END, counts.last[new.lane] - new.after, new.priority
FROM counts, unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::boolean[],
        $8::integer[], $9::integer[], $13::smallint[])
    AS new (partner_id, id, environment, event_id, endpoint_id, ordering_key, is_waiting, lane, after, priority);

-- name: find_events
-- Which of these events stand in the database.
SELECT e.id, e.matched
FROM unnest($1::uuid[], $2::uuid[]) AS asked (partner_id, id)
JOIN events e ON e.partner_id = asked.partner_id AND e.id = asked.id;

-- name: find_pending
-- The deliveries of these events that are to be sent.
SELECT d.partner_id, d.id, d.event_id, d.endpoint_id, d.priority
FROM unnest($1::uuid[], $2::uuid[]) AS asked (partner_id, event_id)
JOIN deliveries d ON d.partner_id = asked.partner_id AND d.event_id = asked.event_id
WHERE d.state = 'pending' AND d.round = 0 AND d.step = 0;
