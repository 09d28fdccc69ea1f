-- name: database_facts
-- What the database says of itself and of this connection.
-- across partners: it only asks whether the table is there.
SELECT current_setting('server_version_num')::int AS version,
       current_setting('fsync') AS fsync,
       current_setting('synchronous_commit') AS synchronous_commit,
       (SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')) AS synchronous_standbys,
       COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS encrypted,
       COALESCE(inet_client_addr() <<= '127.0.0.0/8'::inet OR inet_client_addr() = '::1'::inet, true) AS is_local,
       to_regclass('deliveries') IS NOT NULL AS has_schema;

-- name: database_time
-- The clock that all others are corrected to.
SELECT clock_timestamp();
