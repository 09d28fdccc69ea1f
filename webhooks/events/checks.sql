-- name: find_merchants
-- Which of these are merchants of the partner in the environment.
SELECT id FROM merchants WHERE partner_id = $1 AND environment = $2 AND id = ANY($3::uuid[]);
