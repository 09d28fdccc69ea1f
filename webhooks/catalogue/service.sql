-- name: move_version
-- Make every gateway learn the environment's types again; changes of one environment wait for each other here.
UPDATE environments SET catalogue_version = catalogue_version + 1 WHERE partner_id = $1 AND environment = $2;

-- name: count_types
-- How many types the environment has, and whether this one is among them.
SELECT count(DISTINCT name) AS types, coalesce(bool_or(name = $3), false) AS is_there
FROM event_types WHERE partner_id = $1 AND environment = $2;

-- name: last_version
-- The type's highest version and when it was made; null where there is no such type.
SELECT max(version) AS version FROM event_types WHERE partner_id = $1 AND environment = $2 AND name = $3;

-- name: insert_version
-- A new version of a type.
INSERT INTO event_types (partner_id, environment, name, version, sealed_document)
VALUES ($1, $2, $3, $4, $5)
RETURNING created_at;

-- name: deprecate_version
-- Mark a version, or take the mark away. No row: there is no such version.
UPDATE event_types SET is_deprecated = $5, updated_at = now()
WHERE partner_id = $1 AND environment = $2 AND name = $3 AND version = $4
RETURNING version;

-- name: list_versions
-- The versions of all types of the environment, or of one.
SELECT name, version, sealed_document, is_deprecated, created_at
FROM event_types
WHERE partner_id = $1 AND environment = $2 AND ($3::text IS NULL OR name = $3::text)
ORDER BY name, version DESC;
