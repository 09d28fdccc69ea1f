-- name: list_suspended
-- Every suspended partner and client.
-- across partners: each gateway process keeps the whole set, so that a suspension is in force within a second.
SELECT id FROM partners WHERE state = 'suspended'
UNION ALL
SELECT id FROM oauth_clients WHERE state = 'suspended';
