-- name: append_entry
-- One act; the partner is null where it is about the installation.
INSERT INTO audit_log (id, partner_id, actor, action, target, request_id, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb);
