CREATE TABLE tier_limits (
    tier             text NOT NULL,
    name             text NOT NULL,
    capacity         integer NOT NULL CHECK (capacity > 0),
    rate_per_second  double precision CHECK (rate_per_second > 0),
    PRIMARY KEY (tier, name)
);

CREATE TABLE own_limits (
    partner_id       uuid NOT NULL,
    owner_id         uuid NOT NULL,
    name             text NOT NULL,
    capacity         integer NOT NULL CHECK (capacity > 0),
    rate_per_second  double precision CHECK (rate_per_second > 0),
    PRIMARY KEY (partner_id, owner_id, name)
);

CREATE TABLE limit_version (
    is_only  boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    version  bigint NOT NULL
);

CREATE TABLE bank_quotas (
    bank_id  text NOT NULL,
    quota    text NOT NULL,
    full_at  timestamptz NOT NULL,
    PRIMARY KEY (bank_id, quota)
);
