-- name: list_banks
-- Every configured bank with its sealed settings; there are few, and they belong to the installation.
SELECT id, adapter, environment::text AS environment, name, sealed_settings, state::text AS state, version
FROM banks
ORDER BY id;
