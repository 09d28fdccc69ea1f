-- name: find_request_key
-- What a key is bound to.
SELECT fingerprint, resource_id, status_code
FROM request_keys
WHERE partner_id = $1 AND environment = $2 AND key_digest = $3;

-- name: update_status_code
-- The status code of the first answer to a key.
UPDATE request_keys SET status_code = $4
WHERE partner_id = $1 AND environment = $2 AND key_digest = $3;
