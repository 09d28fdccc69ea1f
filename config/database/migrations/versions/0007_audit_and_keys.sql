ALTER TABLE audit_log
    ADD COLUMN position bigint,
    ADD COLUMN previous bytea,
    ADD COLUMN hash bytea,
    ADD COLUMN chained_at timestamptz;
CREATE UNIQUE INDEX audit_log_position ON audit_log (position);
CREATE INDEX audit_log_unchained ON audit_log (id) WHERE position IS NULL;
CREATE OR REPLACE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER audit_log_never_truncated BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();

CREATE TABLE audit_keys (
    id              uuid PRIMARY KEY,
    public_key      bytea NOT NULL,
    sealed_private  bytea NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE audit_heads (
    day       date PRIMARY KEY,
    position  bigint NOT NULL,
    document  text NOT NULL
);

ALTER TABLE data_keys ADD COLUMN retired_at timestamptz;
DROP INDEX data_keys_owner;
CREATE UNIQUE INDEX data_keys_owner ON data_keys (partner_id, merchant_id)
    WHERE destroyed_at IS NULL AND retired_at IS NULL;
CREATE INDEX data_keys_retired ON data_keys (partner_id) WHERE retired_at IS NOT NULL AND destroyed_at IS NULL;

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
