-- name: find_merchants
-- Which of these are merchants of the partner in the environment, and whether they are active or suspended.
SELECT id, state::text FROM merchants WHERE partner_id = $1 AND environment = $2 AND id = ANY($3::uuid[]);
