-- name: load_types
-- The types of the partner's environment together with the version that they are of: one snapshot. Of each type the
-- version comes last that events without one are checked against.
SELECT e.catalogue_version, t.name, t.version, t.sealed_document
FROM environments e
LEFT JOIN event_types t ON t.partner_id = e.partner_id AND t.environment = e.environment
WHERE e.partner_id = $1 AND e.environment = $2
ORDER BY t.name, t.is_deprecated DESC, t.version;

-- name: find_version
-- How often the types of the partner's environment changed.
SELECT catalogue_version FROM environments WHERE partner_id = $1 AND environment = $2;
