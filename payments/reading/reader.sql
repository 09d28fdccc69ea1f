-- name: find_payment
-- A payment of this partner and environment with the state of its newest submission.
SELECT p.partner_id, p.id, p.environment::text AS environment, p.merchant_id, p.client_id, p.bank_id, p.amount_value,
       p.amount_currency, p.sealed_terms, p.status::text AS status, p.iso_status, p.raw_status, p.reason,
       p.finality::text AS finality, p.execute_at, p.next_check_at, p.checks, p.version, p.created_at, p.updated_at,
       p.cancel_requested_at IS NOT NULL AS cancel_requested, s.state::text AS state, s.id AS submission_id,
       s.sealed_refund_account
FROM payments p
JOIN LATERAL (
    SELECT id, state, sealed_refund_account FROM submissions
    WHERE partner_id = p.partner_id AND payment_id = p.id
    ORDER BY sequence DESC
    LIMIT 1
) s ON true
WHERE p.partner_id = $1 AND p.environment = $2 AND p.id = $3;

-- name: list_payments
-- A partner's payments, newest first, after a cursor.
SELECT p.partner_id, p.id, p.environment::text AS environment, p.merchant_id, p.client_id, p.bank_id, p.amount_value,
       p.amount_currency, p.sealed_terms, p.status::text AS status, p.iso_status, p.raw_status, p.reason,
       p.finality::text AS finality, p.execute_at, p.next_check_at, p.checks, p.version, p.created_at, p.updated_at,
       p.cancel_requested_at IS NOT NULL AS cancel_requested, s.state::text AS state, s.id AS submission_id,
       s.sealed_refund_account
FROM payments p
JOIN LATERAL (
    SELECT id, state, sealed_refund_account FROM submissions
    WHERE partner_id = p.partner_id AND payment_id = p.id
    ORDER BY sequence DESC
    LIMIT 1
) s ON true
WHERE p.partner_id = $1 AND p.environment = $2 AND ($3::uuid IS NULL OR p.id < $3)
  AND ($4::uuid IS NULL OR p.merchant_id = $4)
  AND ($5::text IS NULL OR p.status::text = $5)
  AND ($6::timestamptz IS NULL OR p.created_at >= $6)
  AND ($8::boolean IS NULL OR $8 = EXISTS (
      SELECT FROM payment_exceptions e
      WHERE e.partner_id = p.partner_id AND e.payment_id = p.id AND e.closed_at IS NULL
  ))
ORDER BY p.id DESC
LIMIT $7;

-- name: list_recent_evidence
-- The newest evidence of a payment, oldest of it first.
SELECT * FROM (
    SELECT id, source::text AS source, verdict, raw_code, iso_code, reason, applied, refused_why, at
    FROM payment_evidence
    WHERE partner_id = $1 AND payment_id = $2
    ORDER BY id DESC
    LIMIT 10
) newest
ORDER BY id;

-- name: payment_exists
-- Whether this partner has this payment in this environment.
SELECT true FROM payments WHERE partner_id = $1 AND environment = $2 AND id = $3;

-- name: list_timeline
-- What happened to a payment, from all the tables that remember it, in order. A call that never left was never sent.
-- A submission's first operation was planned when the submission was, by the same clock as the ends before it; a later
-- submission is planned after all that ends the earlier one in the same instant.
SELECT * FROM (
    SELECT created_at AS at, 0 AS place, 'payment' AS kind, 'created' AS what, NULL::text AS source,
           NULL::text AS raw_code, NULL::text AS iso_code, NULL::text AS reason, NULL::boolean AS applied,
           NULL::text AS refused_why
    FROM payments
    WHERE partner_id = $1 AND environment = $2 AND id = $3
    UNION ALL
    SELECT CASE WHEN o.sequence = 1 THEN s.created_at ELSE o.created_at END,
           CASE WHEN o.sequence = 1 AND s.sequence > 1 THEN 7 ELSE 1 END,
           'operation', o.kind::text || '.planned', NULL, NULL, NULL, NULL, NULL, NULL
    FROM bank_operations o
    JOIN submissions s ON s.partner_id = o.partner_id AND s.id = o.submission_id
    WHERE o.partner_id = $1 AND o.payment_id = $3
    UNION ALL
    SELECT first_sent_at, 2, 'operation', kind::text || '.sent', NULL, NULL, NULL, NULL, NULL, NULL
    FROM bank_operations
    WHERE partner_id = $1 AND payment_id = $3 AND first_sent_at IS NOT NULL AND state <> 'never_left'
    UNION ALL
    SELECT last_sent_at, 2, 'operation', kind::text || '.resent', NULL, NULL, NULL, NULL, NULL, NULL
    FROM bank_operations
    WHERE partner_id = $1 AND payment_id = $3 AND sends > 1
    UNION ALL
    SELECT ended_at, 3, 'operation', kind::text || '.' || state::text, NULL, NULL, NULL, NULL, NULL, NULL
    FROM bank_operations
    WHERE partner_id = $1 AND payment_id = $3 AND ended_at IS NOT NULL
    UNION ALL
    SELECT received_at, 4, 'evidence', verdict, source::text, raw_code, iso_code, reason, applied, refused_why
    FROM payment_evidence
    WHERE partner_id = $1 AND payment_id = $3
    UNION ALL
    SELECT occurred_at, 5, 'event', type, NULL, NULL, NULL, NULL, NULL, NULL
    FROM events
    WHERE partner_id = $1 AND environment = $2 AND id >= $4 AND ordering_key = $3
    UNION ALL
    SELECT opened_at, 6, 'exception', code, NULL, NULL, NULL, NULL, NULL, NULL
    FROM payment_exceptions
    WHERE partner_id = $1 AND payment_id = $3
) happened
ORDER BY at, place, what;
