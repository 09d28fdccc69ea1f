ALTER TYPE endpoint_state ADD VALUE 'unproven';
CREATE TYPE signature_scheme AS ENUM ('v1', 'v1a');
CREATE TYPE payload_form AS ENUM ('full', 'thin');
CREATE TYPE replay_state AS ENUM ('running', 'paused', 'completed', 'cancelled');

ALTER TABLE environments ADD COLUMN catalogue_version bigint NOT NULL DEFAULT 0;

ALTER TABLE webhook_endpoints
    ADD COLUMN sealed_filter bytea,
    ADD COLUMN merchant_ids uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN payload payload_form NOT NULL DEFAULT 'full',
    ADD COLUMN signatures signature_scheme[] NOT NULL DEFAULT '{v1}',
    ADD COLUMN schedule_seconds integer[],
    ADD COLUMN weight smallint NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 100),
    ADD COLUMN rate_per_second real CHECK (rate_per_second > 0),
    ADD COLUMN rate_burst integer CHECK (rate_burst > 0),
    ADD COLUMN paused_at timestamptz,
    ADD COLUMN disabled_at timestamptz,
    ADD COLUMN lane_failures smallint NOT NULL DEFAULT 0,
    ADD COLUMN held_at timestamptz,
    ADD COLUMN probes smallint NOT NULL DEFAULT 0,
    ADD COLUMN next_probe_at timestamptz,
    ADD COLUMN is_releasing boolean NOT NULL DEFAULT false,
    ADD COLUMN failed_deliveries integer NOT NULL DEFAULT 0,
    ADD COLUMN warnings_told smallint NOT NULL DEFAULT 0,
    ADD COLUMN certificate_expires_at timestamptz,
    ADD COLUMN certificate_told timestamptz,
    ADD COLUMN is_challenged boolean NOT NULL DEFAULT false,
    ADD COLUMN proven_at timestamptz,
    ADD COLUMN sealed_client_certificate bytea,
    ADD COLUMN client_certificate_expires_at timestamptz,
    ADD CHECK ((rate_per_second IS NULL) = (rate_burst IS NULL)),
    ADD CHECK ((held_at IS NULL) = (next_probe_at IS NULL));
CREATE INDEX webhook_endpoints_probes ON webhook_endpoints (next_probe_at) WHERE held_at IS NOT NULL;
CREATE INDEX webhook_endpoints_releasing ON webhook_endpoints (partner_id, id) WHERE is_releasing;
CREATE INDEX webhook_endpoints_failing ON webhook_endpoints (failing_since) WHERE failing_since IS NOT NULL;

ALTER TABLE endpoint_secrets
    ADD COLUMN scheme signature_scheme NOT NULL DEFAULT 'v1',
    ADD COLUMN public_key bytea,
    ADD CHECK ((scheme = 'v1a') = (public_key IS NOT NULL));

CREATE TABLE endpoint_counters (
    partner_id     uuid NOT NULL,
    endpoint_id    uuid NOT NULL,
    last_sequence  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (partner_id, endpoint_id)
) WITH (fillfactor = 50);

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
    PRIMARY KEY (partner_id, id)
);
CREATE INDEX replays_due ON replays (next_at) WHERE state = 'running';

ALTER TABLE events ADD COLUMN type_version smallint, ADD COLUMN erased_at timestamptz;
CREATE INDEX events_ordering ON events (partner_id, ordering_key) WHERE ordering_key IS NOT NULL;
CREATE INDEX events_unmatched ON events (partner_id, environment, id) WHERE matched = 0;

ALTER TABLE deliveries
    ADD COLUMN sequence bigint,
    ADD COLUMN priority smallint NOT NULL DEFAULT 0,
    ADD COLUMN round_at timestamptz,
    ADD COLUMN replay_id uuid,
    ADD COLUMN awaits_lane boolean NOT NULL DEFAULT false,
    ADD COLUMN not_before timestamptz,
    ADD COLUMN last_status_code smallint,
    ADD COLUMN last_error_class text,
    ADD COLUMN last_attempt_at timestamptz;
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (partner_id, endpoint_id, next_attempt_at, id) WHERE state = 'pending';
CREATE INDEX deliveries_sequence ON deliveries (partner_id, endpoint_id, sequence);
CREATE INDEX deliveries_open ON deliveries (partner_id, environment, id) WHERE state IN ('waiting', 'pending');
CREATE INDEX deliveries_failed ON deliveries (partner_id, environment, id)
    WHERE state IN ('dead', 'undelivered', 'cancelled');
CREATE INDEX deliveries_replay ON deliveries (partner_id, replay_id, id) WHERE replay_id IS NOT NULL;

ALTER TABLE delivery_attempts ADD COLUMN endpoint_id uuid;
CREATE INDEX delivery_attempts_endpoint ON delivery_attempts (partner_id, endpoint_id, id);
