-- name: lock_signing_keys
-- Holds off other processes that start for the first time at once, until the end of this transaction.
SELECT pg_advisory_xact_lock(hashtextextended('token_signing_keys', 0));

-- name: list_signing_keys
-- The keys whose tokens are still accepted, newest first.
SELECT id, public_jwk, sealed_private FROM token_signing_keys WHERE retired_at IS NULL ORDER BY id DESC;

-- name: add_signing_key
-- A new key; from now on tokens are signed with it.
INSERT INTO token_signing_keys (id, public_jwk, sealed_private) VALUES ($1, $2, $3);
