-- name: list_suspended
-- Every suspended partner and client.
-- across partners: each gateway process keeps the whole set, so that a suspension is in force within a second.
SELECT id FROM partners WHERE state = 'suspended'
UNION ALL
SELECT id FROM oauth_clients WHERE state = 'suspended';

-- name: list_changed_clients
-- The clients that were changed since a version, with what is left to tokens of theirs that are out.
-- across partners: each gateway process keeps this of all clients, so that a new one is in force within a second.
SELECT id, merchant_ids, networks, scopes, token_generation, version FROM oauth_clients WHERE version > $1;
