-- name: find_admin_token
-- The admin token with this digest, unless it was revoked.
SELECT id, name FROM admin_tokens WHERE digest = $1 AND revoked_at IS NULL;

-- name: add_admin_token
-- A new admin token; only its digest is kept.
INSERT INTO admin_tokens (id, name, digest) VALUES ($1, $2, $3);

-- name: list_audit
-- A page of what admins changed, newest first.
SELECT id, at, partner_id, actor, action, target, request_id, detail FROM audit_log
WHERE $1::uuid IS NULL OR id < $1
ORDER BY id DESC LIMIT $2;

-- name: add_partner
-- A new partner with its two worlds.
WITH added AS (
    INSERT INTO partners (id, name, tier) VALUES ($1, $2, $3)
    RETURNING id, name, tier, state::text AS state, created_at
), worlds AS (
    INSERT INTO environments (partner_id, environment)
    SELECT added.id, world FROM added, unnest(enum_range(NULL::environment)) AS world
)
SELECT id, name, tier, state, created_at FROM added;

-- name: list_partners
-- Partners, newest first.
-- across partners: the admin sees all of them.
SELECT id, name, tier, state::text AS state, created_at FROM partners
WHERE $1::uuid IS NULL OR id < $1
ORDER BY id DESC LIMIT $2;

-- name: find_partner
-- The partner of this id.
SELECT id, name, tier, state::text AS state, created_at FROM partners WHERE id = $1;

-- name: set_partner_state
-- Suspends a partner or serves it again.
UPDATE partners SET state = $2 WHERE id = $1
RETURNING id, name, tier, state::text AS state, created_at;

-- name: add_client
-- A new OAuth client of a partner that exists.
INSERT INTO oauth_clients (partner_id, id, environment, name, secret_digest, scopes)
SELECT partner_id, $2, environment, $4, $5, $6 FROM environments WHERE partner_id = $1 AND environment = $3
RETURNING partner_id, id, environment::text AS environment, name, scopes, state::text AS state, created_at;

-- name: list_clients
-- A partner's OAuth clients, newest first.
SELECT partner_id, id, environment::text AS environment, name, scopes, state::text AS state, created_at
FROM oauth_clients
WHERE partner_id = $1 AND ($2::uuid IS NULL OR id < $2)
ORDER BY id DESC LIMIT $3;

-- name: set_client_state
-- Suspends a client or serves it again.
UPDATE oauth_clients SET state = $3 WHERE partner_id = $1 AND id = $2 AND environment = $4
RETURNING partner_id, id, environment::text AS environment, name, scopes, state::text AS state, created_at;

-- name: add_merchant
-- A new merchant of a partner that exists.
INSERT INTO merchants (partner_id, id, environment, sealed_name)
SELECT partner_id, $2, environment, $4 FROM environments WHERE partner_id = $1 AND environment = $3
RETURNING partner_id, id, environment::text AS environment, sealed_name, state::text AS state, created_at;

-- name: list_merchants
-- A page of a partner's merchants, newest first.
SELECT partner_id, id, environment::text AS environment, sealed_name, state::text AS state, created_at
FROM merchants
WHERE partner_id = $1 AND ($2::uuid IS NULL OR id < $2)
ORDER BY id DESC LIMIT $3;

-- name: set_merchant_state
-- Suspends a merchant.
UPDATE merchants SET state = $4 WHERE partner_id = $1 AND id = $2 AND environment = $3
RETURNING partner_id, id, environment::text AS environment, sealed_name, state::text AS state, created_at;

-- name: has_open_payments
-- Whether something may still happen to a payment of the merchant.
SELECT EXISTS (
    SELECT FROM payments
    WHERE partner_id = $1 AND merchant_id = $2 AND (status::text <> ALL ($3::text[]) OR next_check_at IS NOT NULL)
);

-- name: add_bank
-- A new bank, unless there is one of this id.
INSERT INTO banks (id, adapter, environment, name, sealed_settings) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id) DO NOTHING
RETURNING id, adapter, environment::text AS environment, name, state::text AS state, version, created_at;

-- name: find_bank
-- The bank of this id.
SELECT id, adapter, environment::text AS environment, name, state::text AS state, version, created_at
FROM banks WHERE id = $1;

-- name: list_banks
-- Every bank that is configured.
SELECT id, adapter, environment::text AS environment, name, state::text AS state, version, created_at
FROM banks ORDER BY id;

-- name: change_bank
-- Another name or other settings; the version makes every process open the settings anew.
UPDATE banks SET name = coalesce($2, name), sealed_settings = coalesce($3, sealed_settings), version = version + 1
WHERE id = $1
RETURNING id, adapter, environment::text AS environment, name, state::text AS state, version, created_at;

-- name: set_bank_state
-- Suspends a bank, so that its payments wait, or serves it again.
UPDATE banks SET state = $2 WHERE id = $1
RETURNING id, adapter, environment::text AS environment, name, state::text AS state, version, created_at;
