-- name: lock_signing_keys
-- Holds off whoever else would make or retire keys at once, until the end of this transaction.
SELECT pg_advisory_xact_lock(hashtextextended('token_signing_keys', 0));

-- name: list_signing_keys
-- The keys whose tokens are accepted at a time, the one that signs last first.
SELECT id, public_jwk, sealed_private, signs_at, created_at FROM token_signing_keys
WHERE retired_at IS NULL OR retired_at > $1
ORDER BY signs_at DESC, id DESC;

-- name: find_newest
-- From when the newest key signs.
SELECT max(signs_at) FROM token_signing_keys WHERE retired_at IS NULL OR retired_at > $1;

-- name: add_signing_key
-- A new key: published from now on, used from a time on.
INSERT INTO token_signing_keys (id, public_jwk, sealed_private, signs_at, created_at) VALUES ($1, $2, $3, $4, $5);

-- name: retire_superseded
-- Ends the keys that a later one has replaced since before a time: their last tokens are dead.
UPDATE token_signing_keys AS old SET retired_at = $1
WHERE (old.retired_at IS NULL OR old.retired_at > $1) AND EXISTS (
    SELECT FROM token_signing_keys AS later
    WHERE later.signs_at <= $2 AND (later.signs_at, later.id) > (old.signs_at, old.id)
)
RETURNING old.id;

-- name: retire_others
-- Ends every key but one, with all tokens that they signed.
UPDATE token_signing_keys SET retired_at = $1 WHERE id <> $2 AND (retired_at IS NULL OR retired_at > $1)
RETURNING id;
