ALTER TABLE replays ADD COLUMN merchant_id uuid;

ALTER TABLE webhook_endpoints ADD COLUMN client_certificate_told timestamptz;

ALTER TABLE admin_tokens ADD COLUMN expires_at timestamptz, ADD COLUMN answers_to uuid;

CREATE FUNCTION next_client_version() RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO oauth_client_changes (version) VALUES (1)
    ON CONFLICT (is_only) DO UPDATE SET version = oauth_client_changes.version + 1
    RETURNING version
$$;
