-- name: merchant_of_payment
-- Whose payment it is.
SELECT merchant_id FROM payments WHERE partner_id = $1 AND environment = $2 AND id = $3;

-- name: merchant_of_consent
-- Whose consent it is.
SELECT merchant_id FROM account_consents WHERE partner_id = $1 AND environment = $2 AND id = $3;

-- name: merchant_of_account
-- Under whose consent an account is read.
SELECT merchant_id FROM consent_accounts WHERE partner_id = $1 AND environment = $2 AND id = $3;

-- name: merchant_of_event
-- Whom an event is about; null for the partner itself.
SELECT merchant_id FROM events WHERE partner_id = $1 AND environment = $2 AND id = $3;

-- name: merchant_of_delivery
-- Whom the event of a delivery is about.
SELECT e.merchant_id FROM deliveries d JOIN events e ON e.partner_id = d.partner_id AND e.id = d.event_id
WHERE d.partner_id = $1 AND d.environment = $2 AND d.id = $3;

-- name: merchant_of_endpoint
-- Whose endpoint it is; null for the partner's own.
SELECT merchant_id FROM webhook_endpoints WHERE partner_id = $1 AND environment = $2 AND id = $3;

-- name: has_endpoint
-- Whether it is an endpoint of this partner and environment, deleted or not.
SELECT true FROM webhook_endpoints WHERE partner_id = $1 AND environment = $2 AND id = $3;

-- name: has_merchant
-- Whether it is a merchant of this partner and environment.
SELECT true FROM merchants WHERE partner_id = $1 AND environment = $2 AND id = $3;

-- name: has_partner
-- Whether there is such a partner, for an admin's questions.
SELECT true FROM partners WHERE id = $1;
