-- How replays get on.

-- name: due_replays
-- The replay of each partner that has been due for longest, so that a partner with many slows no other.
-- across partners: one worker serves them all.
SELECT DISTINCT ON (partner_id) partner_id, id
FROM replays
WHERE state = 'running' AND next_at <= now()
ORDER BY partner_id, next_at, id;

-- name: claim_replay
-- A due replay for this transaction alone; nothing if another process has it, or its owner stopped it meanwhile.
SELECT partner_id, id, environment::text, state::text, requested_by, delivery_id, endpoint_id, merchant_id,
    event_types, states::text[], status_classes, since, until, include_unmatched, rate_per_second, total, queued, made,
    skipped, after_id, phase, created_at, ended_at
FROM replays
WHERE partner_id = $1 AND id = $2 AND state = 'running' AND next_at <= now()
FOR UPDATE SKIP LOCKED;

-- name: advance_replay
-- How far it has come. One that made deliveries due waits as its rate wants (and may catch up with a second of delay);
-- one that only looked goes to the end of the line; one that comes to unmatched events waits until all of its range are
-- committed ($9 seconds after its end), for it looks at each only once.
UPDATE replays
SET after_id = $3, phase = $4, state = $5::text::replay_state,
    queued = queued + $6, made = made + $7, skipped = skipped + $8,
    next_at = CASE
        WHEN $5::text <> 'running' THEN NULL
        WHEN $4 <> phase THEN greatest(clock_timestamp(), until + $9 * interval '1 second')
        WHEN $6 + $7 = 0 THEN clock_timestamp()
        ELSE greatest(next_at, clock_timestamp() - interval '1 second')
            + ($6 + $7) / rate_per_second * interval '1 second'
    END,
    ended_at = CASE WHEN $5::text <> 'running' THEN now() END
WHERE partner_id = $1 AND id = $2 AND state = 'running'
RETURNING queued, made, skipped;

-- name: postpone_replay
-- One whose chunk failed is tried again later, so that it holds up no other.
UPDATE replays SET next_at = now() + $3 * interval '1 second' WHERE partner_id = $1 AND id = $2 AND state = 'running';
