-- name: lock_making
-- One process at a time makes partitions; the others then find them made.
SELECT pg_advisory_xact_lock(8097880561234569);

-- name: lock_dropping
-- One process at a time drops partitions; the others give up and leave it to that one.
SET LOCAL lock_timeout = '1s'; SELECT pg_advisory_xact_lock(8097880561234570);

-- name: find_partitions
-- Tables of the search path that bear a partition's name, and whether each is attached, detached by half, or alone.
SELECT c.relname AS name, i.inhrelid IS NOT NULL AS is_attached, coalesce(i.inhdetachpending, false) AS is_detaching
FROM pg_class AS c
LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
WHERE c.relkind = 'r' AND pg_table_is_visible(c.oid) AND c.relname ~ $1;

-- name: why_kept
-- Why the week of a range of ids and times must stay: something in it is still to be sent, or a replay that has not
-- ended covers it, or made deliveries of it. Null where nothing holds it.
-- across partners: a partition holds all of them.
SELECT CASE
    WHEN EXISTS (SELECT FROM deliveries WHERE id >= $1 AND id < $2 AND state IN ('pending', 'waiting'))
        THEN 'unfinished_deliveries'
    WHEN EXISTS (
        SELECT FROM replays
        WHERE state IN ('running', 'paused')
          AND (since < $4 AND until > $3 OR delivery_id >= $1 AND delivery_id < $2
               OR EXISTS (SELECT FROM deliveries AS d
                          WHERE d.partner_id = replays.partner_id AND d.replay_id = replays.id
                            AND d.id >= $1 AND d.id < $2))
    ) THEN 'unfinished_replay'
END;
