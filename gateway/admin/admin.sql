-- name: find_admin_token
-- The admin token with this digest, unless it was revoked or has expired at $2.
SELECT id, expires_at FROM admin_tokens
WHERE digest = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2);

-- name: add_admin_token
-- A new admin token, made by another ($5) or on the command line; only its digest is kept.
INSERT INTO admin_tokens (id, name, digest, expires_at, answers_to)
VALUES ($1, $2, $3, $4, (SELECT coalesce(answers_to, id) FROM admin_tokens WHERE id = $5::uuid))
RETURNING id, name, created_at, expires_at, revoked_at, answers_to;

-- name: get_admin_token
-- One admin token, whether it is good or not.
SELECT id, name, created_at, expires_at, revoked_at, answers_to FROM admin_tokens WHERE id = $1;

-- name: list_admin_tokens
-- A page of the admin tokens, newest first, or all of them; nothing of a token can be read from its digest.
SELECT id, name, created_at, expires_at, revoked_at, answers_to FROM admin_tokens
WHERE $1::uuid IS NULL OR id < $1
ORDER BY id DESC LIMIT $2;

-- name: list_tokens_of_person
-- The admin tokens that come from the same token of the command line as this one.
SELECT id FROM admin_tokens
WHERE coalesce(answers_to, id) = (SELECT coalesce(answers_to, id) FROM admin_tokens WHERE id = $1);

-- name: revoke_admin_token
-- Ends an admin token, unless it was ended before.
UPDATE admin_tokens SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL
RETURNING id, name, created_at, expires_at, revoked_at, answers_to;

-- name: list_audit
-- A page of what admins changed, newest first, with each entry's place in the chain once it has one. Its primary
-- key is read backwards, for ids begin with the time; a log of what admins do is short enough to be searched so.
SELECT id, at, partner_id, actor, action, target, request_id, detail, position, hash FROM audit_log
WHERE ($1::uuid IS NULL OR id < $1)
      AND ($3::text IS NULL OR actor = $3) AND ($4::text IS NULL OR target = $4) AND ($5::text IS NULL OR action = $5)
      AND ($6::timestamptz IS NULL OR at >= $6)
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
-- A new OAuth client of a partner that exists. Every change of a client takes the next number of all changes.
INSERT INTO oauth_clients (
    partner_id, id, environment, name, scopes, authentication, secret_digest, sealed_credentials, merchant_ids, networks,
    token_binding, sealed_binding_certificates, version
)
SELECT partner_id, $2, environment, $4, $5, $6, $7, $8, $9, $10, $11, $12, next_client_version()
FROM environments WHERE partner_id = $1 AND environment = $3
RETURNING id;

-- name: list_clients
-- A partner's OAuth clients, newest first.
SELECT partner_id, id, environment::text AS environment, name, scopes, state::text AS state, created_at,
       authentication::text AS method, token_binding::text AS token_binding, older_secret_ends_at, sealed_credentials,
       sealed_binding_certificates, merchant_ids, networks, version
FROM oauth_clients
WHERE partner_id = $1 AND ($2::uuid IS NULL OR id < $2)
ORDER BY id DESC LIMIT $3;

-- name: find_client
-- One OAuth client.
SELECT partner_id, id, environment::text AS environment, name, scopes, state::text AS state, created_at,
       authentication::text AS method, token_binding::text AS token_binding, older_secret_ends_at, sealed_credentials,
       sealed_binding_certificates, merchant_ids, networks, version
FROM oauth_clients WHERE partner_id = $1 AND id = $2 AND environment = $3;

-- name: change_client
-- Other names, scopes, credentials or limits, unless it was changed since it was read; a client that now proves itself
-- without a secret has none any more. What tokens were got by another method, or are bound to something else, ends.
UPDATE oauth_clients
SET name = coalesce($5, name),
    scopes = coalesce($6, scopes),
    authentication = $7,
    secret_digest = CASE WHEN $8::bytea IS NULL THEN secret_digest END,
    older_secret_digest = CASE WHEN $8 IS NULL THEN older_secret_digest END,
    older_secret_ends_at = CASE WHEN $8 IS NULL THEN older_secret_ends_at END,
    sealed_credentials = $8,
    merchant_ids = coalesce($9, merchant_ids),
    networks = coalesce($10, networks),
    token_binding = coalesce($11, token_binding),
    sealed_binding_certificates = $12,
    token_generation = token_generation
        + (authentication <> $7 OR token_binding <> coalesce($11, token_binding))::integer,
    version = next_client_version()
WHERE partner_id = $1 AND id = $2 AND environment = $3 AND version = $4
RETURNING id;

-- name: rotate_client_secret
-- A new secret; the present one stays good until its end ($5). While an older one is good at $6, nothing changes unless
-- that one is to end now ($7).
UPDATE oauth_clients
SET secret_digest = $4, older_secret_digest = secret_digest, older_secret_ends_at = $5, version = next_client_version()
WHERE partner_id = $1 AND id = $2 AND environment = $3 AND secret_digest IS NOT NULL
      AND ($7 OR coalesce(older_secret_ends_at <= $6, true))
RETURNING id;

-- name: set_client_state
-- Suspends a client, whose tokens end for good, or serves it again.
UPDATE oauth_clients
SET state = $3::activity, token_generation = token_generation + ($3::activity = 'suspended')::integer,
    version = next_client_version()
WHERE partner_id = $1 AND id = $2 AND environment = $4
RETURNING id;

-- name: end_client_tokens
-- Ends every token of a client that was made before.
UPDATE oauth_clients SET token_generation = token_generation + 1, version = next_client_version()
WHERE partner_id = $1 AND id = $2 AND environment = $3
RETURNING id;

-- name: known_merchants
-- Which of these merchants there are.
SELECT id FROM merchants WHERE partner_id = $1 AND environment = $2 AND id = ANY ($3::uuid[]);

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
-- Whether something may still happen to a payment of the merchant: in one of the statuses that are given only what is
-- due, or what a person has to decide.
SELECT EXISTS (
    SELECT FROM payments p
    WHERE p.partner_id = $1 AND p.merchant_id = $2
      AND (p.status::text <> ALL ($3::text[]) OR p.next_check_at IS NOT NULL OR EXISTS (
          SELECT FROM payment_exceptions x
          WHERE x.partner_id = p.partner_id AND x.payment_id = p.id AND x.closed_at IS NULL
      ))
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

-- name: find_bank_settings
-- The sealed settings of the bank of this id, to see which secrets it has.
SELECT sealed_settings FROM banks WHERE id = $1;

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

-- name: set_partner_tier
-- Moves a partner to another tier; in force in every process within a second.
WITH told AS (
    INSERT INTO limit_version (version) VALUES (1) ON CONFLICT (is_only) DO UPDATE SET version = limit_version.version + 1
)
UPDATE partners SET tier = $2 WHERE id = $1
RETURNING id, name, tier, state::text AS state, created_at;

-- name: list_tier_limits
-- Every limit of a tier that an admin set.
SELECT tier, name, capacity, rate_per_second FROM tier_limits;

-- name: put_tier_limits
-- All limits of a tier, new or in place of what it had.
WITH told AS (
    INSERT INTO limit_version (version) VALUES (1) ON CONFLICT (is_only) DO UPDATE SET version = limit_version.version + 1
), put AS (
    INSERT INTO tier_limits (tier, name, capacity, rate_per_second)
    SELECT $1, name, capacity, rate FROM unnest($2::text[], $3::integer[], $4::float8[]) AS n (name, capacity, rate)
    ON CONFLICT (tier, name) DO UPDATE
    SET capacity = excluded.capacity, rate_per_second = excluded.rate_per_second
    RETURNING 1
)
SELECT count(*) AS limits FROM put;

-- name: delete_tier_limits
-- A tier that the settings do not know is gone, one that they know is again what they say.
WITH told AS (
    INSERT INTO limit_version (version) VALUES (1) ON CONFLICT (is_only) DO UPDATE SET version = limit_version.version + 1
), gone AS (
    DELETE FROM tier_limits WHERE tier = $1 RETURNING 1
)
SELECT count(*) AS limits FROM gone HAVING count(*) > 0;

-- name: has_partners_of_tier
-- Whether a partner is of this tier.
SELECT EXISTS (SELECT FROM partners WHERE tier = $1);

-- name: find_partner_owner
-- A partner, as the owner of limits.
SELECT id AS owner_id, tier FROM partners WHERE id = $1;

-- name: find_client_owner
-- A client, as the owner of limits.
SELECT c.id AS owner_id, p.tier FROM oauth_clients c JOIN partners p ON p.id = c.partner_id
WHERE c.partner_id = $1 AND c.id = $2 AND c.environment = $3;

-- name: list_own_limits
-- What a partner or one of its clients has of its own.
SELECT name, capacity, rate_per_second FROM own_limits WHERE partner_id = $1 AND owner_id = $2;

-- name: put_partner_limits
-- What was agreed with a partner, as a whole: what is not named is its tier's again.
WITH told AS (
    INSERT INTO limit_version (version) VALUES (1) ON CONFLICT (is_only) DO UPDATE SET version = limit_version.version + 1
), owner AS (
    SELECT id, tier FROM partners WHERE id = $1
), gone AS (
    DELETE FROM own_limits WHERE partner_id = $1 AND owner_id = $1 AND name <> ALL ($2::text[])
), put AS (
    INSERT INTO own_limits (partner_id, owner_id, name, capacity, rate_per_second)
    SELECT id, id, name, capacity, rate
    FROM owner, unnest($2::text[], $3::integer[], $4::float8[]) AS n (name, capacity, rate)
    ON CONFLICT (partner_id, owner_id, name) DO UPDATE
    SET capacity = excluded.capacity, rate_per_second = excluded.rate_per_second
)
SELECT id AS owner_id, tier FROM owner;

-- name: put_client_limits
-- What one client has of its own, as a whole: what is not named is its partner's or its tier's again.
WITH told AS (
    INSERT INTO limit_version (version) VALUES (1) ON CONFLICT (is_only) DO UPDATE SET version = limit_version.version + 1
), owner AS (
    SELECT c.id, p.tier FROM oauth_clients c JOIN partners p ON p.id = c.partner_id
    WHERE c.partner_id = $1 AND c.id = $2 AND c.environment = $3
), gone AS (
    DELETE FROM own_limits
    WHERE partner_id = $1 AND owner_id = (SELECT id FROM owner) AND name <> ALL ($4::text[])
), put AS (
    INSERT INTO own_limits (partner_id, owner_id, name, capacity, rate_per_second)
    SELECT $1, id, name, capacity, rate
    FROM owner, unnest($4::text[], $5::integer[], $6::float8[]) AS n (name, capacity, rate)
    ON CONFLICT (partner_id, owner_id, name) DO UPDATE
    SET capacity = excluded.capacity, rate_per_second = excluded.rate_per_second
)
SELECT id AS owner_id, tier FROM owner;
