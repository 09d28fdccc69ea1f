-- name: versions
-- How often the endpoints of each asked environment changed, and how often its types of events.
SELECT e.partner_id, e.environment::text, e.endpoints_version, e.catalogue_version
FROM unnest($1::uuid[], $2::text[]) AS asked (partner_id, environment)
JOIN environments e ON e.partner_id = asked.partner_id AND e.environment = asked.environment::environment;

-- name: endpoints_of_tenants
-- The enabled endpoints of each asked environment together with the version that they are of: one snapshot.
SELECT e.partner_id, e.environment::text, e.endpoints_version, e.catalogue_version, w.id, w.merchant_id, w.ordered, w.event_types,
    w.merchant_ids, w.sealed_filter
FROM unnest($1::uuid[], $2::text[]) AS asked (partner_id, environment)
JOIN environments e ON e.partner_id = asked.partner_id AND e.environment = asked.environment::environment
LEFT JOIN webhook_endpoints w
    ON w.partner_id = e.partner_id AND w.environment = e.environment AND w.state = 'enabled'
ORDER BY e.partner_id, e.environment, w.id;
