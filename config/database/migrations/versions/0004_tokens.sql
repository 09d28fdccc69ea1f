CREATE TYPE token_binding AS ENUM ('none', 'mtls', 'dpop');

ALTER TABLE oauth_clients ADD COLUMN token_binding token_binding NOT NULL DEFAULT 'none';

ALTER TABLE token_signing_keys ADD COLUMN signs_at timestamptz NOT NULL DEFAULT now();
UPDATE token_signing_keys SET signs_at = created_at;

CREATE TABLE revoked_tokens (
    partner_id  uuid NOT NULL,
    jti         text NOT NULL,
    client_id   uuid NOT NULL,
    revoked_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (partner_id, jti)
);
CREATE INDEX revoked_tokens_new ON revoked_tokens (revoked_at);

CREATE TABLE dpop_proofs (
    partner_id  uuid NOT NULL,
    digest      bytea NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (partner_id, digest)
);
CREATE INDEX dpop_proofs_age ON dpop_proofs (expires_at);
