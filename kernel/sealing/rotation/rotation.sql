-- name: begin
-- A rotation of a partner's keys, unless one is under way.
INSERT INTO key_rotations (partner_id, id) VALUES ($1, $2)
ON CONFLICT (partner_id) WHERE ended_at IS NULL DO NOTHING
RETURNING id;

-- name: take
-- The rotation that has waited longest for its next portion, held until the transaction ends.
-- across partners: the worker serves everybody's.
SELECT partner_id, id, pass, column_name, place, found FROM key_rotations
WHERE ended_at IS NULL AND next_at <= now()
ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: retired_keys
-- The partner's keys that only open.
SELECT id, merchant_id FROM data_keys
WHERE partner_id = $1 AND retired_at IS NOT NULL AND destroyed_at IS NULL;

-- name: hold_current_keys
-- The keys that seal for these owners, held: who erases an owner waits until what is sealed with them is committed. An
-- owner that was erased has none.
SELECT id, merchant_id FROM data_keys
WHERE partner_id = $1 AND merchant_id = ANY($2::uuid[]) AND destroyed_at IS NULL AND retired_at IS NULL
ORDER BY id FOR SHARE;

-- name: plan_by_index
-- For this transaction only: rows are read in order from the primary key, however young the table.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
       set_config('enable_bitmapscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true);

-- name: move_on
-- Where the walk has come to, what it found and sealed anew there, and when it goes on.
UPDATE key_rotations
SET column_name = $3, place = $4, found = found + $5, resealed = resealed + $6,
    next_at = now() + $7::float * interval '1 second'
WHERE partner_id = $1 AND id = $2;

-- name: next_pass
-- Another walk over everything, after a while.
UPDATE key_rotations
SET pass = pass + 1, column_name = NULL, place = NULL, found = 0, next_at = now() + $3::float * interval '1 second'
WHERE partner_id = $1 AND id = $2;

-- name: destroy_retired
-- Nothing is sealed any more with the keys that were retired before this rotation's walks.
UPDATE data_keys AS k SET wrapped = NULL, destroyed_at = now()
FROM key_rotations AS r
WHERE r.partner_id = $1 AND r.id = $2 AND k.partner_id = r.partner_id AND k.retired_at <= r.begun_at
  AND k.destroyed_at IS NULL;

-- name: finish
-- A rotation is done.
UPDATE key_rotations SET ended_at = now() WHERE partner_id = $1 AND id = $2 RETURNING resealed;

-- name: running
-- Rotations that are under way, and how far they have come.
-- across partners: an operator looks at all of them.
SELECT partner_id, begun_at, pass, column_name, found, resealed FROM key_rotations
WHERE ended_at IS NULL ORDER BY begun_at;
