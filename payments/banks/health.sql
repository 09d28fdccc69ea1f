-- How banks fare, as the processes that call them tell it.

-- name: tell_bank_health
-- What one process saw of its banks in the last minute; what processes told that ended long ago goes.
WITH old AS (
    DELETE FROM bank_health WHERE told_at < now() - interval '10 minutes'
)
INSERT INTO bank_health (bank_id, process_id, calls, failures, shut_until, told_at)
SELECT bank_id, $1, calls, failures,
       CASE WHEN shut_seconds > 0 THEN now() + make_interval(secs => shut_seconds) END, now()
FROM unnest($2::text[], $3::integer[], $4::integer[], $5::float8[]) AS told (bank_id, calls, failures, shut_seconds)
ON CONFLICT (bank_id, process_id) DO UPDATE
SET calls = excluded.calls, failures = excluded.failures, shut_until = excluded.shut_until, told_at = excluded.told_at;

-- name: read_bank_health
-- What all processes together saw, of those that told it within $1.
SELECT bank_id, sum(calls)::integer AS calls, sum(failures)::integer AS failures,
       max(shut_until) FILTER (WHERE shut_until > now()) AS shut_until
FROM bank_health
WHERE told_at > now() - $1::interval
GROUP BY bank_id;
