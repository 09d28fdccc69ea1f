-- The whole schema, as the migrations make it from zero (tests/repository holds the two equal).
-- Rules: every primary key of a partner's table begins with partner_id; ids are UUIDv7, never text; what partners,
-- merchants, payers or banks wrote in their own words is sealed (bytea) or digested, so plain columns hold only
-- ids, types, states, codes, amounts and times. Every time is timestamptz.

-- ───────────────────────────────────────────────── states: one enum each, one sentence per value
CREATE TYPE environment AS ENUM ('test', 'live');

CREATE TYPE activity AS ENUM (
    'active',      -- It is served.
    'suspended'    -- An admin stopped it; what it asks for is refused or waits.
);

CREATE TYPE client_authentication AS ENUM (
    'client_secret_basic',         -- A secret of ours by HTTP Basic.
    'client_secret_post',          -- A secret of ours in the form.
    'private_key_jwt',             -- An assertion that the client signs.
    'tls_client_auth',             -- A certificate of an authority that we trust, which names the client.
    'self_signed_tls_client_auth'  -- One of the very certificates that the client is registered with.
);

CREATE TYPE payment_status AS ENUM (
    'created',                 -- The intent is committed; no bank was called yet.
    'queued',                  -- It waits for a bank, partner or client that is suspended or not available.
    'scheduled',               -- It waits for its requested execution time.
    'submitting',              -- A call that carries it to the bank is in flight.
    'awaiting_authorisation',  -- The bank waits for the payer to authorise it.
    'outcome_unknown',         -- It may or may not have reached the bank; only evidence will tell.
    'submitted',               -- The bank has it and has promised nothing yet.
    'accepted',                -- The bank accepted it for execution.
    'settled',                 -- The debtor's side is settled.
    'completed',               -- The creditor was credited.
    'returned',                -- The money came back after it was settled.
    'rejected',                -- No money moved, and no further submission will be made.
    'cancelled',               -- It was withdrawn before money moved.
    'expired'                  -- Its authorisation or its execution window ended before it was submitted.
);

CREATE TYPE submission_state AS ENUM (
    'planned',     -- Committed; no byte has left.
    'in_flight',   -- A process is calling the bank under a lease.
    'unknown',     -- Bytes left and no answer can be believed; recovery is under way.
    'held',        -- Nothing more can be learnt by machine; two persons decide on evidence.
    'accepted',    -- The bank has it.
    'settled',     -- The bank says that it is executed.
    'rejected',    -- The bank refused it explicitly.
    'never_left'   -- Our own transport proves that no byte was written, or it was withdrawn before any was.
);

CREATE TYPE finality AS ENUM (
    'none',               -- Nothing is final.
    'debtor_settled',     -- The debtor's account was debited.
    'creditor_credited',  -- The creditor's account was credited.
    'irrevocable'         -- It can no longer be returned.
);

CREATE TYPE operation_kind AS ENUM (
    'consent', 'authorise', 'submit', 'enquire', 'cancel', 'refund', 'enquire_authorisation', 'confirm_funds',
    'authorise_cancel'
);

CREATE TYPE operation_state AS ENUM (
    'planned',     -- Committed with its exact bytes; not sent.
    'in_flight',   -- Leased by one process that is sending it.
    'unknown',     -- Bytes left; the outcome is not known.
    'answered',    -- The bank's answer was understood and its evidence committed.
    'never_left'   -- No byte was written.
);

CREATE TYPE evidence_source AS ENUM ('response', 'poll', 'callback', 'file', 'statement', 'operator');

CREATE TYPE endpoint_state AS ENUM (
    'enabled',    -- It receives events.
    'disabled',   -- Its owner, an admin, a 410 or its health stopped it; new events are not matched to it.
    'deleted',    -- Soft-deleted; kept for its deliveries.
    'unproven'    -- Its receiver has not yet answered the ownership challenge; no event is matched to it.
);

CREATE TYPE delivery_state AS ENUM (
    'waiting',      -- An ordered endpoint's earlier delivery of the same key has not ended.
    'pending',      -- It is to be sent when next_attempt_at comes.
    'delivered',    -- The endpoint answered 2xx.
    'dead',         -- Its steps are used up or it grew too old.
    'undelivered',  -- Its endpoint was disabled or deleted before it was delivered.
    'cancelled'     -- The receiver asked to abort this message.
);

CREATE TYPE attempt_cause AS ENUM (
    'first',          -- The first try of a round.
    'retry',          -- A later step of the schedule.
    'probe',          -- A try of a held lane's oldest delivery.
    'lease_expired',  -- The process that had claimed it did not finish in time.
    'reconciled',     -- The reconciler found it due and not queued.
    'replay'          -- The first try of a replayed round.
);

CREATE TYPE signature_scheme AS ENUM (
    'v1',   -- HMAC-SHA256 with a shared secret.
    'v1a'   -- Ed25519; receivers verify with a published key.
);

CREATE TYPE payload_form AS ENUM (
    'full',  -- The event's whole data.
    'thin'   -- The event's id only; whoever wants the data fetches it.
);

CREATE TYPE replay_state AS ENUM (
    'running',    -- Its deliveries are being made due.
    'paused',     -- Its owner stopped it for now.
    'completed',  -- Every delivery that it covers was made due.
    'cancelled'   -- Its owner ended it; what it had made due by then is still sent.
);

CREATE TYPE token_binding AS ENUM (
    'none',  -- Whoever has the token may use it.
    'mtls',  -- It works only over TLS with the client certificate that it was asked for with (RFC 8705).
    'dpop'   -- It works only with a fresh proof of the key that it was asked for with (RFC 9449).
);

CREATE TYPE authorisation_status AS ENUM (
    'planned',   -- The bank has not said yet how the payer is to authorise.
    'awaiting',  -- The payer is expected.
    'returned',  -- The payer came back, and what they brought is committed.
    'granted',   -- The access that it gave is held.
    'ended',     -- Nothing more comes of it, and no access is held.
    'refused'    -- The payer said no, by the bank's word or their browser's; only the bank ends the payment for it.
);

CREATE TYPE authorisation_purpose AS ENUM (
    'payment',      -- The payer is to authorise the payment.
    'cancellation'  -- The payer is to authorise that it is withdrawn.
);

CREATE TYPE consent_status AS ENUM (
    'created',                 -- It is committed; the bank has not been asked yet, or has not answered.
    'awaiting_authorisation',  -- The bank waits for the account's holder to authorise it.
    'authorised',              -- Accounts can be read under it.
    'rejected',                -- The bank or the account's holder refused it.
    'expired',                 -- Its time is over, or the access that it gave was lost.
    'revoked'                  -- The partner or the account's holder ended it.
);

-- ───────────────────────────────────────────────── who
CREATE TABLE partners (
    id          uuid PRIMARY KEY,
    name        text NOT NULL,
    tier        text NOT NULL DEFAULT 'standard',
    state       activity NOT NULL DEFAULT 'active',
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- endpoints_version moves with every change of the environment's endpoints, catalogue_version with every change of its
-- event types; ingest compares both before it inserts.
CREATE TABLE environments (
    partner_id         uuid NOT NULL,
    environment        environment NOT NULL,
    endpoints_version  bigint NOT NULL DEFAULT 0,
    created_at         timestamptz NOT NULL DEFAULT now(),
    catalogue_version  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (partner_id, environment)
);

-- Of secret_digest and sealed_credentials (public keys, their address, or whom a certificate names) a client has the one
-- that its method needs. Empty merchant_ids and networks mean: all of them. version moves with every change and is taken
-- by next_client_version() under a lock, so that whoever has seen one number has seen all below it. Tokens carry the
-- token_generation that they were made in; those of an earlier one are refused.
CREATE TABLE oauth_clients (
    partner_id            uuid NOT NULL,
    id                    uuid NOT NULL,
    environment           environment NOT NULL,
    name                  text NOT NULL,
    secret_digest         bytea,
    scopes                text[] NOT NULL,
    state                 activity NOT NULL DEFAULT 'active',
    created_at            timestamptz NOT NULL DEFAULT now(),
    authentication        client_authentication NOT NULL DEFAULT 'client_secret_basic',
    older_secret_digest   bytea,
    older_secret_ends_at  timestamptz,
    sealed_credentials    bytea,
    merchant_ids          uuid[] NOT NULL DEFAULT '{}',
    networks              cidr[] NOT NULL DEFAULT '{}',
    version               bigint NOT NULL DEFAULT 0,
    token_binding         token_binding NOT NULL DEFAULT 'none',
    token_generation      bigint NOT NULL DEFAULT 0,
    sealed_binding_certificates bytea,
    PRIMARY KEY (partner_id, id),
    CONSTRAINT oauth_clients_binding CHECK (sealed_binding_certificates IS NULL OR token_binding = 'mtls'),
    CONSTRAINT oauth_clients_proof CHECK (
        (authentication IN ('client_secret_basic', 'client_secret_post')) = (secret_digest IS NOT NULL)
        AND (secret_digest IS NULL) = (sealed_credentials IS NOT NULL)
        AND (older_secret_digest IS NULL) = (older_secret_ends_at IS NULL)
    )
);
-- The one look-up that cannot know the partner yet: the client id is what names it.
CREATE UNIQUE INDEX oauth_clients_id ON oauth_clients (id);
-- What has changed since a gateway process last looked.
CREATE INDEX oauth_clients_version ON oauth_clients (version);

CREATE TABLE oauth_client_changes (
    is_only  boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    version  bigint NOT NULL
);

-- The number of one more change, under the lock of all of them until the transaction ends.
CREATE FUNCTION next_client_version() RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO oauth_client_changes (version) VALUES (1)
    ON CONFLICT (is_only) DO UPDATE SET version = oauth_client_changes.version + 1
    RETURNING version
$$;

-- Assertions (RFC 7523) that authenticated a client, until they would have ended: none does so twice.
CREATE TABLE used_assertions (
    partner_id  uuid NOT NULL,
    client_id   uuid NOT NULL,
    digest      bytea NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (partner_id, client_id, digest)
);
CREATE INDEX used_assertions_age ON used_assertions (expires_at);

CREATE TABLE merchants (
    partner_id   uuid NOT NULL,
    id           uuid NOT NULL,
    environment  environment NOT NULL,
    sealed_name  bytea NOT NULL,
    state        activity NOT NULL DEFAULT 'active',
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partner_id, id)
);

-- A bank is one configured instance of an adapter; it belongs to the installation, not to a partner.
CREATE TABLE banks (
    id               text PRIMARY KEY CHECK (id ~ '^[a-z][a-z0-9-]{1,39}$'),
    adapter          text NOT NULL,
    environment      environment NOT NULL,
    name             text NOT NULL,
    sealed_settings  bytea NOT NULL,
    state            activity NOT NULL DEFAULT 'active',
    version          bigint NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now()
);

-- How each process sees the banks that it calls, told every few seconds; nothing decides by it.
CREATE TABLE bank_health (
    bank_id     text NOT NULL,
    process_id  uuid NOT NULL,
    calls       integer NOT NULL,
    failures    integer NOT NULL,
    shut_until  timestamptz,
    told_at     timestamptz NOT NULL,
    PRIMARY KEY (bank_id, process_id)
);

-- Tokens that banks gave us, one for each version of a bank's settings and each scope. A row is its own lock:
-- `refresher` alone may ask the bank, until `refreshing_until`. `forgotten_at` is when a refused one was thrown away.
CREATE TABLE bank_tokens (
    bank_id           text NOT NULL,
    version           bigint NOT NULL,
    scope             text NOT NULL,
    sealed_token      bytea,
    digest            bytea,
    usable_until      timestamptz,
    refresher         uuid,
    refreshing_until  timestamptz,
    forgotten_at      timestamptz,
    PRIMARY KEY (bank_id, version, scope)
);

CREATE TABLE admin_tokens (
    id          uuid PRIMARY KEY,
    name        text NOT NULL,
    digest      bytea NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz,
    expires_at  timestamptz,
    answers_to  uuid
);

-- ───────────────────────────────────────────────── keys
-- partner_id is the nil UUID for the installation's own keys; merchant_id is the nil UUID for the partner's own key.
CREATE TABLE data_keys (
    partner_id    uuid NOT NULL,
    id            uuid NOT NULL,
    merchant_id   uuid NOT NULL,
    kek_id        text NOT NULL,
    wrapped       bytea,
    created_at    timestamptz NOT NULL DEFAULT now(),
    destroyed_at  timestamptz,
    -- from then on it opens, and another one of the owner seals
    retired_at    timestamptz,
    PRIMARY KEY (partner_id, id),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
-- One key that seals per owner, so that two processes that make one at once agree.
CREATE UNIQUE INDEX data_keys_owner ON data_keys (partner_id, merchant_id)
    WHERE destroyed_at IS NULL AND retired_at IS NULL;
CREATE INDEX data_keys_retired ON data_keys (partner_id) WHERE retired_at IS NOT NULL AND destroyed_at IS NULL;

-- A walk over all that a partner's retired keys sealed: the column and the place that it has come to, the values of
-- retired keys that this pass has met, and how many were sealed anew by all passes.
CREATE TABLE key_rotations (
    partner_id   uuid NOT NULL,
    id           uuid NOT NULL,
    begun_at     timestamptz NOT NULL DEFAULT now(),
    pass         smallint NOT NULL DEFAULT 1,
    column_name  text,
    place        text[],
    found        bigint NOT NULL DEFAULT 0,
    resealed     bigint NOT NULL DEFAULT 0,
    next_at      timestamptz NOT NULL DEFAULT now(),
    ended_at     timestamptz,
    PRIMARY KEY (partner_id, id)
);
CREATE UNIQUE INDEX key_rotations_running ON key_rotations (partner_id) WHERE ended_at IS NULL;

-- Each key is published when it is made, signs from signs_at until the next one's, and verifies until it is retired.
CREATE TABLE token_signing_keys (
    id              uuid PRIMARY KEY,
    public_jwk      jsonb NOT NULL,
    sealed_private  bytea NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    retired_at      timestamptz,
    signs_at        timestamptz NOT NULL DEFAULT now()
);

-- Access tokens that ended before their time, by their jti; forgotten once they would have expired.
CREATE TABLE revoked_tokens (
    partner_id  uuid NOT NULL,
    jti         text NOT NULL,
    client_id   uuid NOT NULL,
    revoked_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (partner_id, jti)
);
-- Every process asks again and again for what is new.
CREATE INDEX revoked_tokens_new ON revoked_tokens (revoked_at);

-- DPoP proofs that were used, so that none is used twice; forgotten once no nonce makes them acceptable.
CREATE TABLE dpop_proofs (
    partner_id  uuid NOT NULL,
    digest      bytea NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (partner_id, digest)
);
CREATE INDEX dpop_proofs_age ON dpop_proofs (expires_at);

-- ───────────────────────────────────────────────── payments
CREATE TABLE payments (
    partner_id      uuid NOT NULL,
    id              uuid NOT NULL,
    environment     environment NOT NULL,
    merchant_id     uuid NOT NULL,
    client_id       uuid NOT NULL,
    bank_id         text NOT NULL,
    amount_value    bigint NOT NULL CHECK (amount_value > 0),
    amount_currency char(3) NOT NULL,
    sealed_terms    bytea NOT NULL,
    status          payment_status NOT NULL,
    iso_status      text,
    raw_status      text,
    reason          text,
    finality        finality NOT NULL DEFAULT 'none',
    execute_at      timestamptz,
    cancel_requested_at timestamptz,
    next_check_at   timestamptz,
    checks          integer NOT NULL DEFAULT 0,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partner_id, id)
);
CREATE INDEX payments_listing ON payments (partner_id, environment, id);
-- The sweeper's queue, bank by bank, so that a dead one holds up no other; it serves every partner.
CREATE INDEX payments_check ON payments (bank_id, next_check_at) WHERE next_check_at IS NOT NULL;
-- What the daily caps sum.
CREATE INDEX payments_daily ON payments (partner_id, environment, merchant_id, created_at);

CREATE TABLE submissions (
    partner_id      uuid NOT NULL,
    id              uuid NOT NULL,
    payment_id      uuid NOT NULL,
    sequence        smallint NOT NULL,
    bank_id         text NOT NULL,
    state           submission_state NOT NULL,
    end_to_end_id   text NOT NULL,
    bank_reference  text,
    iso_status      text,
    raw_status      text,
    sent_at         timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    consent_id      text,
    sealed_refund_account bytea,
    PRIMARY KEY (partner_id, id),
    UNIQUE (partner_id, payment_id, sequence)
);
-- The database itself refuses a second payment while the first may have reached a bank.
CREATE UNIQUE INDEX submissions_one_live ON submissions (partner_id, payment_id)
    WHERE state NOT IN ('rejected', 'never_left');
-- Bank notifications name our reference only; the partner is what the look-up finds.
CREATE UNIQUE INDEX submissions_reference ON submissions (bank_id, end_to_end_id);
-- Some name the bank's own id only.
CREATE INDEX submissions_bank_reference ON submissions (bank_id, bank_reference) WHERE bank_reference IS NOT NULL;

CREATE TABLE bank_operations (
    partner_id       uuid NOT NULL,
    id               uuid NOT NULL,
    payment_id       uuid NOT NULL,
    submission_id    uuid NOT NULL,
    sequence         smallint NOT NULL,
    kind             operation_kind NOT NULL,
    state            operation_state NOT NULL,
    idempotency_key  text NOT NULL,
    digest           bytea NOT NULL,
    sealed_request   bytea NOT NULL,
    sends            smallint NOT NULL DEFAULT 0,
    lease_owner      uuid,
    lease_until      timestamptz,
    first_sent_at    timestamptz,
    last_sent_at     timestamptz,
    ended_at         timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partner_id, id),
    UNIQUE (partner_id, submission_id, sequence)
);

-- A payer who is sent to the bank to authorise a submission. The one who comes back knows the state only.
CREATE TABLE authorisations (
    partner_id        uuid NOT NULL,
    id                uuid NOT NULL,
    environment       environment NOT NULL,
    bank_id           text NOT NULL,
    payment_id        uuid NOT NULL,
    submission_id     uuid NOT NULL,
    status            authorisation_status NOT NULL,
    method            text,
    state_digest      bytea NOT NULL,
    sealed_handshake  bytea NOT NULL,
    sealed_grant      bytea,
    expires_at        timestamptz,
    returned_at       timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    purpose           authorisation_purpose NOT NULL DEFAULT 'payment',
    PRIMARY KEY (partner_id, id),
    UNIQUE (partner_id, submission_id, purpose)
);
CREATE UNIQUE INDEX authorisations_state ON authorisations (state_digest);
CREATE INDEX authorisations_payment ON authorisations (partner_id, payment_id);

-- Append-only: what a bank, a file or a person said, applied or not.
CREATE TABLE payment_evidence (
    partner_id     uuid NOT NULL,
    id             uuid NOT NULL,
    payment_id     uuid NOT NULL,
    submission_id  uuid NOT NULL,
    operation_id   uuid,
    source         evidence_source NOT NULL,
    verdict        text NOT NULL,
    raw_code       text,
    iso_code       text,
    reason         text,
    applied        boolean NOT NULL,
    refused_why    text,
    at             timestamptz NOT NULL,
    received_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partner_id, id)
);
CREATE INDEX payment_evidence_payment ON payment_evidence (partner_id, payment_id, id);

-- What needs a person: a contradiction between evidence and state, or a payment that no machine can end.
CREATE TABLE payment_exceptions (
    partner_id   uuid NOT NULL,
    id           uuid NOT NULL,
    payment_id   uuid NOT NULL,
    evidence_id  uuid,
    code         text NOT NULL,
    opened_at    timestamptz NOT NULL DEFAULT now(),
    closed_at    timestamptz,
    PRIMARY KEY (partner_id, id)
);
CREATE INDEX payment_exceptions_open ON payment_exceptions (partner_id, payment_id) WHERE closed_at IS NULL;

-- An operator's word on a payment waits here for a second person.
CREATE TABLE evidence_proposals (
    partner_id    uuid NOT NULL,
    id            uuid NOT NULL,
    payment_id    uuid NOT NULL,
    verdict       text NOT NULL,
    sealed_note   bytea NOT NULL,
    proposed_by   uuid NOT NULL,
    proposed_at   timestamptz NOT NULL DEFAULT now(),
    confirmed_by  uuid,
    confirmed_at  timestamptz,
    payment_version  bigint,
    bank_reference   text,
    PRIMARY KEY (partner_id, id),
    CHECK (confirmed_by IS NULL OR confirmed_by <> proposed_by)
);

CREATE TABLE bank_exchanges (
    partner_id       uuid NOT NULL,
    id               uuid NOT NULL,
    operation_id     uuid NOT NULL,
    at               timestamptz NOT NULL,
    outcome          text NOT NULL,
    status_code      smallint,
    duration_us      integer NOT NULL,
    sealed_exchange  bytea NOT NULL,
    kind             operation_kind,
    PRIMARY KEY (partner_id, id)
);
CREATE INDEX bank_exchanges_operation ON bank_exchanges (partner_id, operation_id);
-- Rows come in the order of their time, so this is next to nothing for each payment.
CREATE INDEX bank_exchanges_age ON bank_exchanges USING brin (at) WITH (autosummarize = on);

-- The inbox: a bank gets its 2xx after this commit and nothing else. The partner is not known yet.
CREATE TABLE bank_notifications (
    bank_id        text NOT NULL,
    id             uuid NOT NULL,
    dedupe_key     bytea NOT NULL,
    sealed_raw     bytea NOT NULL,
    verified       boolean NOT NULL,
    refused_why    text,
    received_at    timestamptz NOT NULL DEFAULT now(),
    next_check_at  timestamptz,
    processed_at   timestamptz,
    outcome        text,
    PRIMARY KEY (bank_id, id),
    UNIQUE (bank_id, dedupe_key)
);
-- What is due, bank by bank, so that one which sends many holds up no other.
CREATE INDEX bank_notifications_due ON bank_notifications (bank_id, next_check_at) WHERE processed_at IS NULL;
CREATE INDEX bank_notifications_age ON bank_notifications (processed_at) WHERE processed_at IS NOT NULL;

-- ───────────────────────────────────────────────── account information
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
-- Some notifications name a consent by the bank's own id only; the partner is what the look-up finds.
CREATE INDEX account_consents_bank_consent ON account_consents (bank_id, bank_consent_id)
    WHERE bank_consent_id IS NOT NULL;

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

-- What banks were asked about consents and under them, and what they said; of what was read in an account, only that it
-- was.
CREATE TABLE consent_exchanges (
    partner_id       uuid NOT NULL,
    id               uuid NOT NULL,
    consent_id       uuid NOT NULL,
    kind             text NOT NULL,
    at               timestamptz NOT NULL,
    outcome          text NOT NULL,
    status_code      smallint,
    duration_us      integer NOT NULL,
    sealed_exchange  bytea NOT NULL,
    PRIMARY KEY (partner_id, id)
);
CREATE INDEX consent_exchanges_consent ON consent_exchanges (partner_id, consent_id, id);
CREATE INDEX consent_exchanges_age ON consent_exchanges (at);

-- ───────────────────────────────────────────────── repeats of requests
CREATE TABLE request_keys (
    partner_id   uuid NOT NULL,
    environment  environment NOT NULL,
    key_digest   bytea NOT NULL,
    fingerprint  bytea NOT NULL,
    resource_id  uuid NOT NULL,
    status_code  smallint NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partner_id, environment, key_digest)
);
CREATE INDEX request_keys_age ON request_keys (created_at);

-- The partner's own event ids, digested; not partitioned, so that uniqueness spans partitions.
CREATE TABLE event_keys (
    partner_id   uuid NOT NULL,
    environment  environment NOT NULL,
    key_digest   bytea NOT NULL,
    fingerprint  bytea NOT NULL,
    event_id     uuid NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partner_id, environment, key_digest)
);
CREATE INDEX event_keys_age ON event_keys (created_at);

-- ───────────────────────────────────────────────── webhooks
CREATE TABLE webhook_endpoints (
    partner_id       uuid NOT NULL,
    id               uuid NOT NULL,
    environment      environment NOT NULL,
    merchant_id      uuid,
    sealed_settings  bytea NOT NULL,
    event_types      text[] NOT NULL,
    ordered          boolean NOT NULL DEFAULT false,
    state            endpoint_state NOT NULL DEFAULT 'enabled',
    state_reason     text,
    concurrency      smallint NOT NULL DEFAULT 10,
    version          bigint NOT NULL DEFAULT 1,
    failing_since    timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    -- what it wants to hear, and how
    sealed_filter    bytea,
    merchant_ids     uuid[] NOT NULL DEFAULT '{}',
    payload          payload_form NOT NULL DEFAULT 'full',
    signatures       signature_scheme[] NOT NULL DEFAULT '{v1}',
    schedule_seconds integer[],
    weight           smallint NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 100),
    rate_per_second  real CHECK (rate_per_second > 0),
    rate_burst       integer CHECK (rate_burst > 0),
    paused_at        timestamptz,
    disabled_at      timestamptz,
    -- its lane: failures of the lane in a row, and the hold that they lead to
    lane_failures    smallint NOT NULL DEFAULT 0,
    held_at          timestamptz,
    probes           smallint NOT NULL DEFAULT 0,
    next_probe_at    timestamptz,
    is_releasing     boolean NOT NULL DEFAULT false,
    -- its health while it fails: distinct deliveries that failed, warnings told
    failed_deliveries integer NOT NULL DEFAULT 0,
    warnings_told    smallint NOT NULL DEFAULT 0,
    -- its TLS certificate as the last handshake showed it, and the expiry that was warned of
    certificate_expires_at timestamptz,
    certificate_told timestamptz,
    -- its ownership challenge
    is_challenged    boolean NOT NULL DEFAULT false,
    proven_at        timestamptz,
    -- the certificate that we show it (mTLS): PEM of chain and key, and the end that was warned of
    sealed_client_certificate bytea,
    client_certificate_expires_at timestamptz,
    client_certificate_told timestamptz,
    PRIMARY KEY (partner_id, id),
    CHECK ((rate_per_second IS NULL) = (rate_burst IS NULL)),
    CHECK ((held_at IS NULL) = (next_probe_at IS NULL))
);
-- Held lanes whose probe is due, and lanes that are being let go, for the worker; both sets are small.
CREATE INDEX webhook_endpoints_probes ON webhook_endpoints (next_probe_at) WHERE held_at IS NOT NULL;
CREATE INDEX webhook_endpoints_releasing ON webhook_endpoints (partner_id, id) WHERE is_releasing;
CREATE INDEX webhook_endpoints_failing ON webhook_endpoints (failing_since) WHERE failing_since IS NOT NULL;
CREATE INDEX webhook_endpoints_matching ON webhook_endpoints (partner_id, environment) WHERE state = 'enabled';

CREATE TABLE endpoint_secrets (
    partner_id     uuid NOT NULL,
    endpoint_id    uuid NOT NULL,
    id             uuid NOT NULL,
    sealed_secret  bytea NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    expires_at     timestamptz,
    scheme         signature_scheme NOT NULL DEFAULT 'v1',
    public_key     bytea,
    PRIMARY KEY (partner_id, endpoint_id, id),
    CHECK ((scheme = 'v1a') = (public_key IS NOT NULL))
);

-- Since when and until when an endpoint was disabled or unproven, so no event was matched to it. Kept by a trigger,
-- as several statements change an endpoint's state.
CREATE TABLE endpoint_silences (
    partner_id   uuid NOT NULL,
    endpoint_id  uuid NOT NULL,
    began_at     timestamptz NOT NULL,
    environment  environment NOT NULL,
    state        endpoint_state NOT NULL,
    ended_at     timestamptz,
    PRIMARY KEY (partner_id, endpoint_id, began_at)
);
CREATE INDEX endpoint_silences_recent ON endpoint_silences (partner_id, environment, began_at);

CREATE FUNCTION keep_endpoint_silences() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE endpoint_silences SET ended_at = now()
    WHERE partner_id = NEW.partner_id AND endpoint_id = NEW.id AND ended_at IS NULL;
    IF NEW.state IN ('disabled', 'unproven') THEN
        INSERT INTO endpoint_silences (partner_id, endpoint_id, began_at, environment, state)
        VALUES (NEW.partner_id, NEW.id,
                CASE WHEN NEW.state = 'disabled' THEN coalesce(NEW.disabled_at, now()) ELSE now() END,
                NEW.environment, NEW.state)
        ON CONFLICT (partner_id, endpoint_id, began_at) DO UPDATE SET state = EXCLUDED.state, ended_at = NULL;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER endpoint_silences_begin AFTER INSERT ON webhook_endpoints
    FOR EACH ROW WHEN (NEW.state IN ('disabled', 'unproven')) EXECUTE FUNCTION keep_endpoint_silences();
CREATE TRIGGER endpoint_silences_change AFTER UPDATE OF state ON webhook_endpoints
    FOR EACH ROW WHEN (NEW.state IS DISTINCT FROM OLD.state) EXECUTE FUNCTION keep_endpoint_silences();

-- The last number given to a delivery of each endpoint. Taken last in a transaction and held until it commits, so the
-- numbers have no gaps and a lower one never commits after a higher one.
CREATE TABLE endpoint_counters (
    partner_id     uuid NOT NULL,
    endpoint_id    uuid NOT NULL,
    last_sequence  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (partner_id, endpoint_id)
) WITH (fillfactor = 50);

-- What an endpoint was sent in one day (UTC): a contiguous range of sequences, digested and signed.
CREATE TABLE endpoint_manifests (
    partner_id      uuid NOT NULL,
    endpoint_id     uuid NOT NULL,
    day             date NOT NULL,
    first_sequence  bigint NOT NULL,
    last_sequence   bigint NOT NULL,
    digest          bytea NOT NULL,
    document        text NOT NULL,
    made_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partner_id, endpoint_id, day)
);

-- What a partner says about its own event types; the words and the JSON Schema are the partner's, so they are sealed.
CREATE TABLE event_types (
    partner_id       uuid NOT NULL,
    environment      environment NOT NULL,
    name             text NOT NULL,
    version          smallint NOT NULL CHECK (version > 0),
    sealed_document  bytea NOT NULL,
    is_deprecated    boolean NOT NULL DEFAULT false,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partner_id, environment, name, version)
);

-- A job that makes deliveries due again, or makes those that never were. `after_id` is how far it has come.
CREATE TABLE replays (
    partner_id         uuid NOT NULL,
    id                 uuid NOT NULL,
    environment        environment NOT NULL,
    state              replay_state NOT NULL,
    requested_by       text NOT NULL,
    delivery_id        uuid,
    endpoint_id        uuid,
    event_types        text[] NOT NULL DEFAULT '{}',
    states             delivery_state[] NOT NULL DEFAULT '{}',
    status_classes     smallint[] NOT NULL DEFAULT '{}',
    since              timestamptz NOT NULL,
    until              timestamptz NOT NULL,
    include_unmatched  boolean NOT NULL DEFAULT false,
    rate_per_second    real NOT NULL CHECK (rate_per_second > 0),
    total              bigint NOT NULL,
    queued             bigint NOT NULL DEFAULT 0,
    made               bigint NOT NULL DEFAULT 0,
    skipped            bigint NOT NULL DEFAULT 0,
    after_id           uuid,
    phase              smallint NOT NULL DEFAULT 0,
    next_at            timestamptz,
    created_at         timestamptz NOT NULL DEFAULT now(),
    ended_at           timestamptz,
    merchant_id        uuid,
    PRIMARY KEY (partner_id, id)
);
CREATE INDEX replays_due ON replays (next_at) WHERE state = 'running';

-- events, deliveries and delivery_attempts are partitioned weekly by the event's UUIDv7: a delivery's id carries its
-- event's milliseconds, and attempts are partitioned by their delivery's id, so all three fall into the same week and
-- are dropped together. No foreign keys between them (measured: half again the cost of an event).
CREATE TABLE events (
    partner_id    uuid NOT NULL,
    id            uuid NOT NULL,
    environment   environment NOT NULL,
    merchant_id   uuid,
    type          text NOT NULL,
    ordering_key  uuid,
    occurred_at   timestamptz NOT NULL,
    matched       smallint NOT NULL,
    xid           xid8 NOT NULL DEFAULT pg_current_xact_id(),
    sealed_body   bytea NOT NULL,
    type_version  smallint,
    erased_at     timestamptz,
    PRIMARY KEY (partner_id, id)
) PARTITION BY RANGE (id);
ALTER TABLE events ALTER COLUMN sealed_body SET STORAGE EXTERNAL;
-- The feed's order: a reader never passes a row that commits later.
CREATE INDEX events_feed ON events (partner_id, environment, xid, id);
-- The events of one payment, and those that nobody heard.
CREATE INDEX events_ordering ON events (partner_id, ordering_key) WHERE ordering_key IS NOT NULL;
CREATE INDEX events_unmatched ON events (partner_id, environment, id) WHERE matched = 0;

CREATE TABLE deliveries (
    partner_id       uuid NOT NULL,
    id               uuid NOT NULL,
    environment      environment NOT NULL,
    event_id         uuid NOT NULL,
    endpoint_id      uuid NOT NULL,
    ordering_key     uuid,
    state            delivery_state NOT NULL,
    state_reason     text,
    round            smallint NOT NULL DEFAULT 0,
    step             smallint NOT NULL DEFAULT 0,
    next_attempt_at  timestamptz,
    ended_at         timestamptz,
    -- the endpoint's own count; null where it was made before counting began
    sequence         bigint,
    -- 1 goes before 0 within its lane
    priority         smallint NOT NULL DEFAULT 0,
    -- when the present round began (null in round 0: the event's time), and the replay that began it
    round_at         timestamptz,
    replay_id        uuid,
    -- its last failure was the lane's, so it becomes due as soon as the lane is well, but not before not_before
    awaits_lane      boolean NOT NULL DEFAULT false,
    not_before       timestamptz,
    last_status_code smallint,
    last_error_class text,
    last_attempt_at  timestamptz,
    PRIMARY KEY (partner_id, id)
) PARTITION BY RANGE (id);
-- What is due, lane by lane. Its WHERE column changes once per delivery, so these updates are never HOT (measured).
-- It ends with the id, so that a page of many that are due at one moment begins where the last one ended.
CREATE INDEX deliveries_due ON deliveries (partner_id, endpoint_id, next_attempt_at, id) WHERE state = 'pending';
-- Who comes after the head of an ordering key.
CREATE INDEX deliveries_waiting ON deliveries (partner_id, endpoint_id, ordering_key, id)
    WHERE state IN ('waiting', 'pending') AND ordering_key IS NOT NULL;
CREATE INDEX deliveries_event ON deliveries (partner_id, event_id);
-- An endpoint's deliveries in the order of their numbers.
CREATE INDEX deliveries_sequence ON deliveries (partner_id, endpoint_id, sequence);
-- What has not ended, what ended without success, and what a replay made due; each is read newest first.
CREATE INDEX deliveries_open ON deliveries (partner_id, environment, id) WHERE state IN ('waiting', 'pending');
CREATE INDEX deliveries_failed ON deliveries (partner_id, environment, id)
    WHERE state IN ('dead', 'undelivered', 'cancelled');
CREATE INDEX deliveries_replay ON deliveries (partner_id, replay_id, id) WHERE replay_id IS NOT NULL;

CREATE TABLE delivery_attempts (
    partner_id       uuid NOT NULL,
    delivery_id      uuid NOT NULL,
    id               uuid NOT NULL,
    round            smallint NOT NULL,
    step             smallint NOT NULL,
    cause            attempt_cause NOT NULL,
    superseded       boolean NOT NULL,
    status_code      smallint,
    error_class      text,
    started_at       timestamptz NOT NULL,
    dns_us           integer,
    connect_us       integer,
    tls_us           integer,
    first_byte_us    integer,
    total_us         integer NOT NULL,
    sealed_exchange  bytea NOT NULL,
    endpoint_id      uuid,
    PRIMARY KEY (partner_id, delivery_id, id)
) PARTITION BY RANGE (delivery_id);
-- An endpoint's attempts by time.
CREATE INDEX delivery_attempts_endpoint ON delivery_attempts (partner_id, endpoint_id, id);
ALTER TABLE delivery_attempts ALTER COLUMN sealed_exchange SET STORAGE EXTERNAL;

-- The epoch of the queue in Redis: a new one at every rebuild, never an old one again.
CREATE SEQUENCE queue_epoch;

-- ───────────────────────────────────────────────── limits
-- The limits of a tier as an admin set them, in place of the settings'. A token bucket has a rate; the number of requests
-- in flight (name 'concurrency') has none.
CREATE TABLE tier_limits (
    tier             text NOT NULL,
    name             text NOT NULL,
    capacity         integer NOT NULL CHECK (capacity > 0),
    rate_per_second  double precision CHECK (rate_per_second > 0),
    PRIMARY KEY (tier, name)
);

-- What was agreed with one partner (owner_id is its own id) or set for one of its clients, in place of the tier's.
CREATE TABLE own_limits (
    partner_id       uuid NOT NULL,
    owner_id         uuid NOT NULL,
    name             text NOT NULL,
    capacity         integer NOT NULL CHECK (capacity > 0),
    rate_per_second  double precision CHECK (rate_per_second > 0),
    PRIMARY KEY (partner_id, owner_id, name)
);

-- One row, which moves with every change of the two tables above or of a partner's tier: processes read them again then.
CREATE TABLE limit_version (
    is_only  boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    version  bigint NOT NULL
);

-- When each quota that a bank's adapter declares would be whole again, if nothing more were called.
CREATE TABLE bank_quotas (
    bank_id  text NOT NULL,
    quota    text NOT NULL,
    full_at  timestamptz NOT NULL,
    PRIMARY KEY (bank_id, quota)
);

-- ───────────────────────────────────────────────── audit
-- Entries are committed with what they tell of; afterwards one writer chains them (kernel/audit).
CREATE TABLE audit_log (
    id          uuid PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    partner_id  uuid,
    actor       text NOT NULL,
    action      text NOT NULL,
    target      text NOT NULL,
    request_id  text NOT NULL,
    detail      jsonb NOT NULL DEFAULT '{}',
    -- its place in the chain, the hash of the entry before it, its own hash, and when it was given them
    position    bigint,
    previous    bytea,
    hash        bytea,
    chained_at  timestamptz
);
CREATE UNIQUE INDEX audit_log_position ON audit_log (position);
CREATE INDEX audit_log_unchained ON audit_log (id) WHERE position IS NULL;
-- An entry without a place may be given one, once, whole, and with nothing else changed. Nothing else is allowed.
CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place CONSTANT text[] := '{position,previous,hash,chained_at}';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.position IS NULL AND num_nulls(NEW.position, NEW.previous, NEW.hash, NEW.chained_at) = 0
           AND to_jsonb(NEW) - place = to_jsonb(OLD) - place THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit_log is append-only';
END $$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_is_append_only();
CREATE TRIGGER audit_log_never_truncated BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();

-- What signs the heads of the chain.
CREATE TABLE audit_keys (
    id              uuid PRIMARY KEY,
    public_key      bytea NOT NULL,
    sealed_private  bytea NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now()
);

-- How far the chain went on each day (UTC), signed; that of today moves with the chain.
CREATE TABLE audit_heads (
    day       date PRIMARY KEY,
    position  bigint NOT NULL,
    document  text NOT NULL
);
