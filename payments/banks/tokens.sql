-- name: find_token
-- A bank's token that may still be used.
SELECT sealed_token, digest, usable_until FROM bank_tokens
WHERE bank_id = $1 AND version = $2 AND scope = $3 AND usable_until > $4;

-- name: claim_refresh
-- Lock the row for the one that may ask the bank now; nothing where another one asks, or a usable token stands.
INSERT INTO bank_tokens (bank_id, version, scope, refresher, refreshing_until)
VALUES ($1, $2, $3, $5, $4::timestamptz + $6::interval)
ON CONFLICT (bank_id, version, scope) DO UPDATE
SET refresher = excluded.refresher, refreshing_until = excluded.refreshing_until
WHERE coalesce(bank_tokens.refreshing_until <= $4, true) AND coalesce(bank_tokens.usable_until <= $4, true)
RETURNING true;

-- name: store_token
-- Keep what the bank gave, if the row is still ours.
UPDATE bank_tokens
SET sealed_token = $5, digest = $6, usable_until = $7, refresher = NULL, refreshing_until = NULL
WHERE bank_id = $1 AND version = $2 AND scope = $3 AND refresher = $4
RETURNING true;

-- name: drop_older_versions
-- Tokens that were fetched with settings that have been replaced.
DELETE FROM bank_tokens WHERE bank_id = $1 AND version < $2;

-- name: release_refresh
-- The bank gave nothing: the next one may ask.
UPDATE bank_tokens SET refresher = NULL, refreshing_until = NULL
WHERE bank_id = $1 AND version = $2 AND scope = $3 AND refresher = $4;

-- name: forget_token
-- Throw away a token that the bank refused, unless one was thrown away a moment ago.
UPDATE bank_tokens SET sealed_token = NULL, digest = NULL, usable_until = NULL, forgotten_at = $5
WHERE bank_id = $1 AND version = $2 AND scope = $3 AND digest = $4
  AND coalesce(forgotten_at <= $5::timestamptz - $6::interval, true);
