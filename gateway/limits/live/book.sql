-- name: read_version
-- Moves whenever an admin changed a limit.
SELECT version FROM limit_version;

-- name: list_tier_limits
-- Every limit of a tier that an admin set.
SELECT tier, name, capacity, rate_per_second FROM tier_limits;

-- name: list_own_limits
-- Every limit of a partner or client of its own.
-- across partners: each gateway process keeps all of them, so that a change is in force within a second.
SELECT owner_id, name, capacity, rate_per_second FROM own_limits;

-- name: list_partner_tiers
-- The tier of every partner, which may have changed since its tokens were made.
-- across partners: each gateway process keeps all of them, so that a change is in force within a second.
SELECT id, tier FROM partners;
