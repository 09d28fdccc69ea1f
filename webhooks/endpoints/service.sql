-- name: delete_endpoint
-- A deleted endpoint is never enabled again.
UPDATE webhook_endpoints
SET state = 'deleted', state_reason = 'owner', version = version + 1, updated_at = now()
WHERE partner_id = $1 AND id = $2;

-- name: forget_trouble
-- What was learnt at another address, or before it was off, says nothing: its lane opens, and whatever waited for the
-- lane becomes due.
UPDATE webhook_endpoints
SET failing_since = NULL, failed_deliveries = 0, warnings_told = 0, lane_failures = 0, held_at = NULL, probes = 0,
    next_probe_at = NULL, is_releasing = true, certificate_expires_at = NULL, certificate_told = NULL
WHERE partner_id = $1 AND id = $2;

-- name: pause_endpoint
-- Nothing is given out for it until it is resumed. No row: it is paused already.
UPDATE webhook_endpoints SET paused_at = $3, version = version + 1, updated_at = now()
WHERE partner_id = $1 AND id = $2 AND paused_at IS NULL
RETURNING version;

-- name: resume_endpoint
-- It is given out for again; the release tells the queue so, whatever becomes of the process that resumes it. No row: it
-- was not paused.
UPDATE webhook_endpoints SET paused_at = NULL, is_releasing = true, version = version + 1, updated_at = now()
WHERE partner_id = $1 AND id = $2 AND paused_at IS NOT NULL
RETURNING version;
