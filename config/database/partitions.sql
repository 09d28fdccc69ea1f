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

-- name: has_unfinished_deliveries
-- Whether deliveries in a range of ids are still to be sent.
-- across partners: a partition holds all of them.
SELECT EXISTS (
    SELECT FROM deliveries WHERE id >= $1 AND id < $2 AND state IN ('pending', 'waiting')
);
