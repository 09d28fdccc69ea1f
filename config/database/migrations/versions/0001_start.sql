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

CREATE TYPE operation_kind AS ENUM ('consent', 'authorise', 'submit', 'enquire', 'cancel', 'refund');

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
    'deleted'     -- Soft-deleted; kept for its deliveries.
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

-- ───────────────────────────────────────────────── who
CREATE TABLE partners (
    id          uuid PRIMARY KEY,
    name        text NOT NULL,
    tier        text NOT NULL DEFAULT 'standard',
    state       activity NOT NULL DEFAULT 'active',
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- endpoints_version moves with every change of the environment's endpoints; ingest compares it before it inserts.
CREATE TABLE environments (
    partner_id         uuid NOT NULL,
    environment        environment NOT NULL,
    endpoints_version  bigint NOT NULL DEFAULT 0,
    created_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partner_id, environment)
);

CREATE TABLE oauth_clients (
    partner_id     uuid NOT NULL,
    id             uuid NOT NULL,
    environment    environment NOT NULL,
    name           text NOT NULL,
    secret_digest  bytea NOT NULL,
    scopes         text[] NOT NULL,
    state          activity NOT NULL DEFAULT 'active',
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partner_id, id)
);
-- The one look-up that cannot know the partner yet: the client id is what names it.
CREATE UNIQUE INDEX oauth_clients_id ON oauth_clients (id);

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

CREATE TABLE admin_tokens (
    id          uuid PRIMARY KEY,
    name        text NOT NULL,
    digest      bytea NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz
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
    PRIMARY KEY (partner_id, id),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
-- One live key per owner, so that two processes that make one at once agree.
CREATE UNIQUE INDEX data_keys_owner ON data_keys (partner_id, merchant_id) WHERE destroyed_at IS NULL;

CREATE TABLE token_signing_keys (
    id              uuid PRIMARY KEY,
    public_jwk      jsonb NOT NULL,
    sealed_private  bytea NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    retired_at      timestamptz
);

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
    PRIMARY KEY (partner_id, id)
);
CREATE INDEX bank_exchanges_operation ON bank_exchanges (partner_id, operation_id);

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
CREATE INDEX bank_notifications_due ON bank_notifications (next_check_at) WHERE processed_at IS NULL;

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
    PRIMARY KEY (partner_id, id)
);
CREATE INDEX webhook_endpoints_matching ON webhook_endpoints (partner_id, environment) WHERE state = 'enabled';

CREATE TABLE endpoint_secrets (
    partner_id     uuid NOT NULL,
    endpoint_id    uuid NOT NULL,
    id             uuid NOT NULL,
    sealed_secret  bytea NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    expires_at     timestamptz,
    PRIMARY KEY (partner_id, endpoint_id, id)
);

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
    PRIMARY KEY (partner_id, id)
) PARTITION BY RANGE (id);
ALTER TABLE events ALTER COLUMN sealed_body SET STORAGE EXTERNAL;
-- The feed's order: a reader never passes a row that commits later.
CREATE INDEX events_feed ON events (partner_id, environment, xid, id);

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
    PRIMARY KEY (partner_id, id)
) PARTITION BY RANGE (id);
-- What is due, lane by lane. Its WHERE column changes once per delivery, so these updates are never HOT (measured).
CREATE INDEX deliveries_due ON deliveries (partner_id, endpoint_id, next_attempt_at) WHERE state = 'pending';
-- Who comes after the head of an ordering key.
CREATE INDEX deliveries_waiting ON deliveries (partner_id, endpoint_id, ordering_key, id)
    WHERE state IN ('waiting', 'pending') AND ordering_key IS NOT NULL;
CREATE INDEX deliveries_event ON deliveries (partner_id, event_id);

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
    PRIMARY KEY (partner_id, delivery_id, id)
) PARTITION BY RANGE (delivery_id);
ALTER TABLE delivery_attempts ALTER COLUMN sealed_exchange SET STORAGE EXTERNAL;

-- The epoch of the queue in Redis: a new one at every rebuild, never an old one again.
CREATE SEQUENCE queue_epoch;

-- ───────────────────────────────────────────────── audit
CREATE TABLE audit_log (
    id          uuid PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    partner_id  uuid,
    actor       text NOT NULL,
    action      text NOT NULL,
    target      text NOT NULL,
    request_id  text NOT NULL,
    detail      jsonb NOT NULL DEFAULT '{}'
);
CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_log is append-only';
END $$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_is_append_only();
