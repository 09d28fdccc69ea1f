-- name: list_self_signed
-- The clients that are known by their own certificates and were changed since a version.
-- across partners: TLS must know a certificate before the request says whose it is.
SELECT partner_id, id, sealed_credentials, version FROM oauth_clients
WHERE version > $1 AND authentication = 'self_signed_tls_client_auth';
