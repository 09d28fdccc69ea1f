ALTER TABLE oauth_clients ADD COLUMN token_generation bigint NOT NULL DEFAULT 0;
