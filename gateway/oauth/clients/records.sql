-- name: find_client
-- A client with its partner's tier and state, by the id that it authenticates with.
-- across partners: the client id is what names the partner; nothing is known of the caller before.
SELECT c.partner_id, c.id, c.environment, c.authentication::text AS authentication, c.secret_digest,
       c.older_secret_digest, c.older_secret_ends_at, c.sealed_credentials, c.sealed_binding_certificates, c.networks,
       c.scopes, p.tier, c.token_binding::text AS token_binding, c.token_generation,
       c.state = 'active' AND p.state = 'active' AS active
FROM oauth_clients c JOIN partners p ON p.id = c.partner_id
WHERE c.id = $1 AND c.environment = $2;
