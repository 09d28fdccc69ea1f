CREATE TABLE endpoint_silences (
    partner_id   uuid NOT NULL,
    endpoint_id  uuid NOT NULL,
    began_at     timestamptz NOT NULL,
    environment  environment NOT NULL,
    state        endpoint_state NOT NULL,
    ended_at     timestamptz,
    PRIMARY KEY (partner_id, endpoint_id, began_at)
);
CREATE INDEX endpoint_silences_recent ON endpoint_silences (partner_id, environment, began_at);

CREATE FUNCTION keep_endpoint_silences() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE endpoint_silences SET ended_at = now()
    WHERE partner_id = NEW.partner_id AND endpoint_id = NEW.id AND ended_at IS NULL;
    IF NEW.state IN ('disabled', 'unproven') THEN
        INSERT INTO endpoint_silences (partner_id, endpoint_id, began_at, environment, state)
        VALUES (NEW.partner_id, NEW.id,
                CASE WHEN NEW.state = 'disabled' THEN coalesce(NEW.disabled_at, now()) ELSE now() END,
                NEW.environment, NEW.state)
        ON CONFLICT (partner_id, endpoint_id, began_at) DO UPDATE SET state = EXCLUDED.state, ended_at = NULL;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER endpoint_silences_begin AFTER INSERT ON webhook_endpoints
    FOR EACH ROW WHEN (NEW.state IN ('disabled', 'unproven')) EXECUTE FUNCTION keep_endpoint_silences();
CREATE TRIGGER endpoint_silences_change AFTER UPDATE OF state ON webhook_endpoints
    FOR EACH ROW WHEN (NEW.state IS DISTINCT FROM OLD.state) EXECUTE FUNCTION keep_endpoint_silences();

-- What is silent at present. One that is unproven may have been heard before; what it has a delivery of is not missed.
INSERT INTO endpoint_silences (partner_id, endpoint_id, began_at, environment, state)
SELECT partner_id, id, CASE WHEN state = 'disabled' THEN coalesce(disabled_at, updated_at) ELSE created_at END,
       environment, state
FROM webhook_endpoints
WHERE state IN ('disabled', 'unproven');
