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
