-- name: list_suspended
-- Every suspended partner and client.
-- across partners: each gateway process keeps the whole set, so that a suspension is in force within a second.
SELECT id FROM partners WHERE state = 'suspended'
UNION ALL
SELECT id FROM oauth_clients WHERE state = 'suspended';

-- name: list_changed_clients
-- The clients that were changed since a version, with what they are limited to.
-- across partners: each gateway process keeps the limits of all clients, so that a new one is in force within a second.
SELECT id, merchant_ids, networks, version FROM oauth_clients WHERE version > $1;
