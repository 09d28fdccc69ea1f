-- The one transaction that makes results true.

-- name: begin
-- For this transaction only: a statement that was planned while its table was young would read a whole index for ever.
BEGIN; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;

-- name: record_results
-- Move the deliveries and keep what was tried, whether or not it still counted; the answer is the deliveries that moved.
-- Results of the present round and step count; a 2xx of the present round counts at any step. Without a delay a delivery
-- that stays pending stays due when it was. The state is compared as text so that no partial index offers itself in place
-- of the primary key.
WITH c AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::smallint[], $5::smallint[], $6::text[], $7::text[],
                         $8::smallint[], $9::bigint[], $10::boolean[], $11::bigint[], $12::uuid[], $13::text[],
                         $14::smallint[], $15::text[], $16::timestamptz[], $17::integer[], $18::integer[],
                         $19::integer[], $20::integer[], $21::integer[], $22::bytea[])
        AS c (partner_id, id, endpoint_id, round, step, state, reason, next_step, delay_ms, awaits_lane, wish_ms,
              attempt_id, cause, status_code, error_class, started_at, dns_us, connect_us, tls_us, first_byte_us,
              total_us, sealed_exchange)
), moved AS (
    UPDATE deliveries AS d
    SET state = c.state::delivery_state,
        state_reason = c.reason,
        step = c.next_step,
        next_attempt_at = CASE WHEN c.state <> 'pending' THEN NULL
                               ELSE coalesce(now() + c.delay_ms * interval '1 millisecond', d.next_attempt_at) END,
        ended_at = CASE WHEN c.state <> 'pending' THEN now() END,
        awaits_lane = c.awaits_lane,
        not_before = now() + c.wish_ms * interval '1 millisecond',
        last_status_code = CASE WHEN c.attempt_id IS NULL THEN d.last_status_code ELSE c.status_code END,
        last_error_class = CASE WHEN c.attempt_id IS NULL THEN d.last_error_class ELSE c.error_class END,
        last_attempt_at = CASE WHEN c.attempt_id IS NULL THEN d.last_attempt_at ELSE now() END
    FROM c
    WHERE d.partner_id = c.partner_id AND d.id = c.id
      AND d.state::text = 'pending' AND d.round = c.round AND (d.step = c.step OR c.state = 'delivered')
    RETURNING d.partner_id, d.id, d.ordering_key
), kept AS (
    INSERT INTO delivery_attempts (partner_id, delivery_id, id, round, step, cause, superseded, status_code,
                                   error_class, started_at, dns_us, connect_us, tls_us, first_byte_us, total_us,
                                   sealed_exchange, endpoint_id)
    SELECT c.partner_id, c.id, c.attempt_id, c.round, c.step, c.cause::attempt_cause,
           (c.partner_id, c.id) NOT IN (SELECT partner_id, id FROM moved), c.status_code, c.error_class, c.started_at,
           c.dns_us, c.connect_us, c.tls_us, c.first_byte_us, c.total_us, c.sealed_exchange, c.endpoint_id
    FROM c WHERE c.attempt_id IS NOT NULL
)
SELECT id, ordering_key FROM moved;

-- name: erase_late_exchanges
-- Results of an event that was erased while they were on their way keep nothing of what was exchanged.
UPDATE delivery_attempts AS a SET sealed_exchange = $3
FROM unnest($1::uuid[], $2::uuid[]) AS late (partner_id, delivery_id)
CROSS JOIN LATERAL (
    SELECT event_id FROM deliveries WHERE partner_id = late.partner_id AND id = late.delivery_id LIMIT 1
) AS d
CROSS JOIN LATERAL (
    SELECT FROM events WHERE partner_id = late.partner_id AND id = d.event_id AND erased_at IS NOT NULL LIMIT 1
) AS e
WHERE a.partner_id = late.partner_id AND a.delivery_id = late.delivery_id;

-- name: lock_lines
-- Hold these lines (endpoint and ordering key) until the transaction ends, as whoever adds a follower to one does.
SELECT pg_advisory_xact_lock(hashtextextended(line, 0)) FROM unnest($1::text[]) AS line;

-- name: free_followers
-- The next delivery of each ordering key whose head has ended, unless one is pending already.
UPDATE deliveries AS d
SET state = 'pending', next_attempt_at = now()
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS c (partner_id, endpoint_id, ordering_key)
CROSS JOIN LATERAL (
    SELECT id FROM deliveries
    WHERE partner_id = c.partner_id AND endpoint_id = c.endpoint_id AND ordering_key = c.ordering_key
      AND state IN ('waiting', 'pending')
    ORDER BY id LIMIT 1
) AS head
WHERE d.partner_id = c.partner_id AND d.id = head.id AND d.state = 'waiting'
RETURNING d.partner_id, d.id, d.endpoint_id, d.round, d.step, d.priority;

-- name: find_attempts
-- The attempts of these deliveries that are recorded, after a commit whose answer was lost.
SELECT a.id
FROM unnest($1::uuid[], $2::uuid[]) AS c (partner_id, delivery_id)
CROSS JOIN LATERAL (
    SELECT id FROM delivery_attempts WHERE partner_id = c.partner_id AND delivery_id = c.delivery_id
) AS a;
