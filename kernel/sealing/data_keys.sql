-- name: find_keys_of_owners
-- The data keys that seal for these owners (a partner and a merchant each).
SELECT k.partner_id, k.id, k.merchant_id, k.kek_id, k.wrapped, false AS is_retired
FROM unnest($1::uuid[], $2::uuid[]) AS owner (partner_id, merchant_id)
JOIN data_keys AS k ON k.partner_id = owner.partner_id AND k.merchant_id = owner.merchant_id
WHERE k.destroyed_at IS NULL AND k.retired_at IS NULL;

-- name: find_keys_by_id
-- These data keys, retired and destroyed ones too.
SELECT k.partner_id, k.id, k.merchant_id, k.kek_id, k.wrapped, k.retired_at IS NOT NULL AS is_retired
FROM unnest($1::uuid[], $2::uuid[]) AS wanted (partner_id, id)
JOIN data_keys AS k ON k.partner_id = wanted.partner_id AND k.id = wanted.id;

-- name: insert_keys
-- New data keys; an owner who has one already keeps it, so that two processes that make one at once agree.
INSERT INTO data_keys (partner_id, id, merchant_id, kek_id, wrapped)
SELECT partner_id, id, merchant_id, kek_id, wrapped
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bytea[])
    AS made (partner_id, id, merchant_id, kek_id, wrapped)
ORDER BY partner_id, merchant_id
ON CONFLICT (partner_id, merchant_id) WHERE destroyed_at IS NULL AND retired_at IS NULL DO NOTHING;

-- name: lock_keys
-- Erasing and rotating the keys of one partner take turns: a statement of its own, so that the next one sees what the
-- other has done.
SELECT pg_advisory_xact_lock(hashtextextended('threadneedle.keys:' || $1::uuid::text, 0));

-- name: destroy_keys
-- Forget the wrapped keys of an owner for good, retired ones too; the rows stay as the proof of it.
UPDATE data_keys SET wrapped = NULL, destroyed_at = now()
WHERE partner_id = $1 AND merchant_id = $2 AND destroyed_at IS NULL
RETURNING id;

-- name: retire_keys
-- From now on these keys only open: one merchant's, or all of the partner's.
UPDATE data_keys SET retired_at = now()
WHERE partner_id = $1 AND ($2::uuid IS NULL OR merchant_id = $2) AND destroyed_at IS NULL AND retired_at IS NULL
RETURNING merchant_id;

-- name: find_keys_of_other_keks
-- The next data keys, after one of them, that are not wrapped by the current key-encryption key.
-- across partners: a key-encryption key belongs to the installation.
SELECT partner_id, id, merchant_id, kek_id, wrapped
FROM data_keys
WHERE (partner_id, id) > ($1, $2) AND kek_id <> $3 AND destroyed_at IS NULL
ORDER BY partner_id, id
LIMIT $4;

-- name: rewrap_key
-- Replace a wrapping, unless somebody destroyed or re-wrapped the key meanwhile.
UPDATE data_keys SET kek_id = $3, wrapped = $4
WHERE partner_id = $1 AND id = $2 AND kek_id = $5 AND destroyed_at IS NULL;
