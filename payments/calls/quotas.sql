-- name: take_from_quota
-- Counts one call of a bank against a quota, if it has room for one at this moment; nothing where it has not. What comes
-- together is counted one after the other, for the row is locked until its transaction ends.
INSERT INTO bank_quotas AS held (bank_id, quota, full_at) VALUES ($1, $2, statement_timestamp() + $3::interval)
ON CONFLICT (bank_id, quota) DO UPDATE
SET full_at = greatest(held.full_at, statement_timestamp()) + $3::interval
WHERE greatest(held.full_at, statement_timestamp()) + $3::interval <= statement_timestamp() + $4::interval
RETURNING full_at;

-- name: read_quota_wait
-- Seconds until a quota has room for one call again.
SELECT extract(epoch FROM full_at + $3::interval - $4::interval - statement_timestamp())::float8
FROM bank_quotas WHERE bank_id = $1 AND quota = $2;
