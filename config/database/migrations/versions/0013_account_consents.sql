CREATE TYPE consent_status AS ENUM (
    'created',                 -- It is committed; the bank has not been asked yet, or has not answered.
    'awaiting_authorisation',  -- The bank waits for the account's holder to authorise it.
    'authorised',              -- Accounts can be read under it.
    'rejected',                -- The bank or the account's holder refused it.
    'expired',                 -- Its time is over, or the access that it gave was lost.
    'revoked'                  -- The partner or the account's holder ended it.
);

-- state_digest finds the consent when its holder comes back; sealed_terms hold what that return is checked against.
-- must_end: the bank has it and has not heard yet that it is over. exchange_sent: the one use of the code has begun.
CREATE TABLE account_consents (
    partner_id        uuid NOT NULL,
    id                uuid NOT NULL,
    environment       environment NOT NULL,
    merchant_id       uuid NOT NULL,
    client_id         uuid NOT NULL,
    bank_id           text NOT NULL,
    status            consent_status NOT NULL,
    reason            text,
    valid_until       timestamptz NOT NULL,
    authorise_by      timestamptz NOT NULL,
    bank_consent_id   text,
    state_digest      bytea NOT NULL,
    sealed_terms      bytea NOT NULL,
    method            text,
    sealed_url        bytea,
    returned_at       timestamptz,
    sealed_code       bytea,
    exchange_sent     boolean NOT NULL DEFAULT false,
    sealed_grant      bytea,
    access_ends_at    timestamptz,
    is_doubted        boolean NOT NULL DEFAULT false,
    must_end          boolean NOT NULL DEFAULT false,
    accounts_at       timestamptz,
    lease_owner       uuid,
    lease_until       timestamptz,
    next_check_at     timestamptz,
    checks            integer NOT NULL DEFAULT 0,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    authorised_at     timestamptz,
    ended_at          timestamptz,
    PRIMARY KEY (partner_id, id)
);
-- The holder who comes back knows the state only.
CREATE UNIQUE INDEX account_consents_state ON account_consents (state_digest);
CREATE INDEX account_consents_listing ON account_consents (partner_id, environment, id);
-- What is due, bank by bank, so that a dead one holds up no other; it serves every partner.
CREATE INDEX account_consents_check ON account_consents (bank_id, next_check_at) WHERE next_check_at IS NOT NULL;
CREATE INDEX account_consents_ended ON account_consents (ended_at) WHERE ended_at IS NOT NULL;

-- Accounts that a consent opened, found by the digest of the bank's own id. balances_token is there while balances are
-- being read or kept; whoever moves money takes it away, and what was read before is then neither kept nor shown.
CREATE TABLE consent_accounts (
    partner_id       uuid NOT NULL,
    id               uuid NOT NULL,
    consent_id       uuid NOT NULL,
    environment      environment NOT NULL,
    merchant_id      uuid NOT NULL,
    bank_id          text NOT NULL,
    digest           bytea NOT NULL,
    currency         char(3) NOT NULL,
    sealed_account   bytea NOT NULL,
    balances_token   uuid,
    sealed_balances  bytea,
    balances_at      timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partner_id, id),
    UNIQUE (partner_id, consent_id, digest)
);
CREATE INDEX consent_accounts_listing ON consent_accounts (partner_id, environment, id);
CREATE INDEX consent_accounts_cached ON consent_accounts (partner_id, merchant_id, bank_id)
    WHERE balances_token IS NOT NULL;

-- Cached balances go when money moves, in the transaction that says so. In the order of their ids, so that two payments
-- never wait for each other.
CREATE FUNCTION drop_cached_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM consent_accounts
    WHERE partner_id = NEW.partner_id AND merchant_id = NEW.merchant_id AND bank_id = NEW.bank_id
      AND balances_token IS NOT NULL
    ORDER BY id FOR UPDATE;
    IF FOUND THEN
        UPDATE consent_accounts SET balances_token = NULL, sealed_balances = NULL, balances_at = NULL
        WHERE partner_id = NEW.partner_id AND merchant_id = NEW.merchant_id AND bank_id = NEW.bank_id
          AND balances_token IS NOT NULL;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER payments_drop_cached_balances AFTER UPDATE OF status ON payments
    FOR EACH ROW WHEN (
        NEW.status IS DISTINCT FROM OLD.status
        AND NEW.status IN ('outcome_unknown', 'submitted', 'accepted', 'settled', 'completed', 'returned')
    ) EXECUTE FUNCTION drop_cached_balances();

-- When each account was read without its holder, as far back as the bank's quota counts. Of a consent's list of accounts
-- account_id is the nil UUID.
CREATE TABLE account_reads (
    partner_id  uuid NOT NULL,
    consent_id  uuid NOT NULL,
    account_id  uuid NOT NULL,
    reads       timestamptz[] NOT NULL,
    PRIMARY KEY (partner_id, consent_id, account_id)
);
