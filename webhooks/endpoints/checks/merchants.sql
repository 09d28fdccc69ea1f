-- name: count_endpoints
-- How many endpoints there are in the environment, and of the merchant.
SELECT count(*) AS endpoints, count(*) FILTER (WHERE merchant_id = $3::uuid) AS of_merchant
FROM webhook_endpoints
WHERE partner_id = $1 AND environment = $2 AND state <> 'deleted';

-- name: known_merchants
-- Those of the ids that are merchants of the partner's environment, and whether they are active or suspended.
SELECT id, state::text FROM merchants WHERE partner_id = $1 AND environment = $2 AND id = any($3::uuid[]);
