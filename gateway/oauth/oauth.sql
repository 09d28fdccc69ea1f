-- name: find_client
-- A client with its partner's tier and state, by the id that it authenticates with.
-- across partners: the client id is what names the partner; nothing is known of the caller before.
SELECT c.partner_id, c.id, c.environment, c.secret_digest, c.scopes, p.tier,
       c.state = 'active' AND p.state = 'active' AS active
FROM oauth_clients c JOIN partners p ON p.id = c.partner_id
WHERE c.id = $1 AND c.environment = $2;

-- name: list_suspended
-- Every suspended partner and client.
-- across partners: each gateway process keeps the whole set, so that a suspension is in force within a second.
SELECT id FROM partners WHERE state = 'suspended'
UNION ALL
SELECT id FROM oauth_clients WHERE state = 'suspended';

-- name: lock_signing_keys
-- Holds off other processes that start for the first time at once, until the end of this transaction.
SELECT pg_advisory_xact_lock(hashtextextended('token_signing_keys', 0));

-- name: list_signing_keys
-- The keys whose tokens are still accepted, newest first.
SELECT id, public_jwk, sealed_private FROM token_signing_keys WHERE retired_at IS NULL ORDER BY id DESC;

-- name: add_signing_key
-- A new key; from now on tokens are signed with it.
INSERT INTO token_signing_keys (id, public_jwk, sealed_private) VALUES ($1, $2, $3);
