CREATE TYPE client_authentication AS ENUM (
    'client_secret_basic', 'client_secret_post', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'
);

ALTER TABLE oauth_clients
    ALTER COLUMN secret_digest DROP NOT NULL,
    ADD COLUMN authentication client_authentication NOT NULL DEFAULT 'client_secret_basic',
    ADD COLUMN older_secret_digest bytea,
    ADD COLUMN older_secret_ends_at timestamptz,
    ADD COLUMN sealed_credentials bytea,
    ADD COLUMN merchant_ids uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN networks cidr[] NOT NULL DEFAULT '{}',
    ADD COLUMN version bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT oauth_clients_proof CHECK (
        (authentication IN ('client_secret_basic', 'client_secret_post')) = (secret_digest IS NOT NULL)
        AND (secret_digest IS NULL) = (sealed_credentials IS NOT NULL)
        AND (older_secret_digest IS NULL) = (older_secret_ends_at IS NULL)
    );
CREATE INDEX oauth_clients_version ON oauth_clients (version);

CREATE TABLE oauth_client_changes (
    is_only  boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    version  bigint NOT NULL
);

CREATE TABLE used_assertions (
    partner_id  uuid NOT NULL,
    client_id   uuid NOT NULL,
    digest      bytea NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (partner_id, client_id, digest)
);
CREATE INDEX used_assertions_age ON used_assertions (expires_at);
