-- name: claim_keys
-- Take the partners' own event ids that nobody has, where endpoints and types of events are of the versions that are
-- remembered ($6 to $9); waits for transactions that are taking the same ones.
WITH seen AS (
    SELECT count(*) = cardinality($6::uuid[]) AS holds
    FROM unnest($6::uuid[], $7::text[], $8::bigint[], $9::bigint[])
        AS asked (partner_id, environment, endpoints_version, catalogue_version)
    JOIN environments e ON e.partner_id = asked.partner_id AND e.environment = asked.environment::environment
        AND e.endpoints_version = asked.endpoints_version AND e.catalogue_version = asked.catalogue_version
), claimed AS (
    INSERT INTO event_keys (partner_id, environment, key_digest, fingerprint, event_id)
    SELECT partner_id, environment::environment, key_digest, fingerprint, event_id
    FROM seen, unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[], $5::uuid[])
        AS new (partner_id, environment, key_digest, fingerprint, event_id)
    WHERE seen.holds
    ON CONFLICT (partner_id, environment, key_digest) DO NOTHING
    RETURNING event_id
)
SELECT seen.holds, (SELECT count(*) FROM claimed) AS claimed FROM seen;

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
-- New events with the number of endpoints that hear of each, and their deliveries: due now, or waiting behind an earlier
-- one of the same line. Deliveries are numbered in the same statement: the counters of the lanes ($20, $21, in the order
-- of their keys) are moved on by their counts ($22), and a delivery ($17 says of which lane) has the new count less those
-- that come after it ($18). See numbers.sql. Nothing is written where endpoints or types of events are not of the
-- versions that are remembered ($23 to $26).
WITH seen AS (
    SELECT count(*) = cardinality($23::uuid[]) AS holds
    FROM unnest($23::uuid[], $24::text[], $25::bigint[], $26::bigint[])
        AS asked (partner_id, environment, endpoints_version, catalogue_version)
    JOIN environments e ON e.partner_id = asked.partner_id AND e.environment = asked.environment::environment
        AND e.endpoints_version = asked.endpoints_version AND e.catalogue_version = asked.catalogue_version
), told AS (
    INSERT INTO events (partner_id, id, environment, merchant_id, type, ordering_key, occurred_at, matched, sealed_body,
        type_version)
    SELECT partner_id, id, environment::environment, merchant_id, type, ordering_key, occurred_at, matched, sealed_body,
        type_version
    FROM seen, unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::uuid[], $7::timestamptz[],
            $8::smallint[], $9::bytea[], $10::smallint[])
        AS new (partner_id, id, environment, merchant_id, type, ordering_key, occurred_at, matched, sealed_body,
            type_version)
    WHERE seen.holds
), taken AS (
    INSERT INTO endpoint_counters AS counter (partner_id, endpoint_id, last_sequence)
    SELECT lane.partner_id, lane.endpoint_id, lane.count
    FROM seen, unnest($20::uuid[], $21::uuid[], $22::bigint[]) AS lane (partner_id, endpoint_id, count)
    WHERE seen.holds
    ORDER BY lane.partner_id, lane.endpoint_id
    ON CONFLICT (partner_id, endpoint_id) DO UPDATE SET last_sequence = counter.last_sequence + excluded.last_sequence
    RETURNING counter.partner_id, counter.endpoint_id, counter.last_sequence
), counts AS MATERIALIZED (
    SELECT array_agg(last_sequence ORDER BY partner_id, endpoint_id) AS last FROM taken
), due AS (
    INSERT INTO deliveries (partner_id, id, environment, event_id, endpoint_id, ordering_key, state, next_attempt_at,
        sequence, priority)
    SELECT new.partner_id, new.id, new.environment::environment, new.event_id, new.endpoint_id, new.ordering_key,
        CASE WHEN new.is_waiting THEN 'waiting' ELSE 'pending' END::delivery_state,
        CASE WHEN new.is_waiting THEN NULL ELSE now() END, counts.last[new.lane] - new.after, new.priority
    FROM counts, unnest($11::uuid[], $12::uuid[], $13::text[], $14::uuid[], $15::uuid[], $16::uuid[], $19::boolean[],
            $17::integer[], $18::integer[], $27::smallint[])
        AS new (partner_id, id, environment, event_id, endpoint_id, ordering_key, is_waiting, lane, after, priority)
    WHERE counts.last IS NOT NULL
)
SELECT holds FROM seen;
