CREATE TYPE authorisation_status AS ENUM ('planned', 'awaiting', 'returned', 'granted', 'ended');

ALTER TABLE submissions ADD COLUMN consent_id text;

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
    PRIMARY KEY (partner_id, id),
    UNIQUE (partner_id, submission_id)
);
CREATE UNIQUE INDEX authorisations_state ON authorisations (state_digest);
CREATE INDEX authorisations_payment ON authorisations (partner_id, payment_id);
