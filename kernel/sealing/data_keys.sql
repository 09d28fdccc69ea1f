-- name: find_keys_of_owners
-- The live data keys of these owners (a partner and a merchant each).
SELECT k.partner_id, k.id, k.merchant_id, k.kek_id, k.wrapped
FROM unnest($1::uuid[], $2::uuid[]) AS owner (partner_id, merchant_id)
JOIN data_keys AS k ON k.partner_id = owner.partner_id AND k.merchant_id = owner.merchant_id
WHERE k.destroyed_at IS NULL;

-- name: find_keys_by_id
-- These data keys, destroyed ones too.
SELECT k.partner_id, k.id, k.merchant_id, k.kek_id, k.wrapped
FROM unnest($1::uuid[], $2::uuid[]) AS wanted (partner_id, id)
JOIN data_keys AS k ON k.partner_id = wanted.partner_id AND k.id = wanted.id;

-- name: insert_keys
-- New data keys; an owner who has one already keeps it, so that two processes that make one at once agree.
INSERT INTO data_keys (partner_id, id, merchant_id, kek_id, wrapped)
SELECT partner_id, id, merchant_id, kek_id, wrapped
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bytea[])
    AS made (partner_id, id, merchant_id, kek_id, wrapped)
ORDER BY partner_id, merchant_id
ON CONFLICT (partner_id, merchant_id) WHERE destroyed_at IS NULL DO NOTHING;

-- name: destroy_key
-- Forget the wrapped key for good; the row stays as the proof of it.
UPDATE data_keys SET wrapped = NULL, destroyed_at = now()
WHERE partner_id = $1 AND merchant_id = $2 AND destroyed_at IS NULL
RETURNING id;

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
