-- name: wait_for_others
-- How long this process waits for another that migrates.
SET LOCAL lock_timeout = '10min';

-- name: lock_migrations
-- One process migrates at a time.
SELECT pg_advisory_xact_lock($1);

-- name: limit_waiting
-- Behind a migration that waits for a table all traffic of the table waits: better that it fails and is run again.
SET LOCAL lock_timeout = '5s';

-- name: find_version_table
-- Whether the database was ever migrated.
SELECT to_regclass('alembic_version');

-- name: find_revision
-- The revision that the database has.
SELECT version_num FROM alembic_version;

-- name: analyze
-- Plans made before the first autovacuum must not take a full table for an empty one.
ANALYZE;
