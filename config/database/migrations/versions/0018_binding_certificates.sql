ALTER TABLE oauth_clients
    ADD COLUMN sealed_binding_certificates bytea,
    ADD CONSTRAINT oauth_clients_binding CHECK (sealed_binding_certificates IS NULL OR token_binding = 'mtls');
