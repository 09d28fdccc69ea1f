-- name: list_own_certificates
-- The clients that may show certificates of their own and were changed since a version.
-- across partners: TLS must know a certificate before the request says whose it is.
SELECT partner_id, id, sealed_credentials, sealed_binding_certificates, version FROM oauth_clients
WHERE version > $1 AND (authentication = 'self_signed_tls_client_auth' OR token_binding = 'mtls');
