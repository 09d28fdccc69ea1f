-- name: prove_endpoint
-- The receiver answered for this very version of the endpoint. No row: it was changed meanwhile.
UPDATE webhook_endpoints
SET proven_at = $5, state = CASE WHEN state = 'unproven' THEN 'enabled' ELSE state END, version = version + 1,
    updated_at = now()
WHERE partner_id = $1 AND environment = $2 AND id = $3 AND version = $4 AND is_challenged AND state <> 'deleted'
RETURNING version;
