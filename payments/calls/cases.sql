-- name: find_facts
-- What never changes of a payment.
SELECT environment::text AS environment, merchant_id, bank_id, amount_value, amount_currency, sealed_terms,
       execute_at
FROM payments
WHERE partner_id = $1 AND id = $2;

-- name: lock_payment
-- A payment as it stands, locked until the transaction ends.
SELECT partner_id, id, environment::text AS environment, merchant_id, client_id, bank_id, amount_value, amount_currency,
       status::text AS status, iso_status, raw_status, reason, finality::text AS finality, execute_at, next_check_at,
       checks, version, created_at, updated_at
FROM payments
WHERE partner_id = $1 AND id = $2
FOR UPDATE;

-- name: find_work
-- One submission of a locked payment (the newest, or the one asked for), its newest operation, what was tried, and what hinders it.
SELECT s.id AS s_id, s.sequence AS s_sequence, s.state::text AS s_state, s.end_to_end_id AS s_end_to_end_id,
       s.bank_id AS at_bank_id, s.bank_reference AS s_bank_reference, s.sent_at AS s_sent_at, s.created_at AS s_created_at,
       o.id AS o_id, o.submission_id AS o_submission_id, o.sequence AS o_sequence, o.kind::text AS o_kind,
       o.state::text AS o_state, o.idempotency_key AS o_idempotency_key, o.sealed_request AS o_sealed_request,
       o.sends AS o_sends, o.lease_owner AS o_lease_owner, o.lease_until AS o_lease_until,
       o.first_sent_at AS o_first_sent_at, o.last_sent_at AS o_last_sent_at,
       EXISTS (
           SELECT FROM banks b WHERE b.id = s.bank_id AND b.state = 'suspended'
           UNION ALL
           SELECT FROM partners p WHERE p.id = s.partner_id AND p.state = 'suspended'
           UNION ALL
           SELECT FROM payments p JOIN oauth_clients c ON c.partner_id = p.partner_id AND c.id = p.client_id
           WHERE p.partner_id = s.partner_id AND p.id = s.payment_id AND c.state = 'suspended'
       ) AS suspended,
       EXISTS (
           SELECT FROM payment_exceptions x
           WHERE x.partner_id = s.partner_id AND x.payment_id = s.payment_id AND x.closed_at IS NULL
             AND x.code = 'late_acceptance'
       ) AS disputed,
       EXISTS (
           SELECT FROM payment_exceptions x
           WHERE x.partner_id = s.partner_id AND x.payment_id = s.payment_id AND x.closed_at IS NULL
             AND x.code IN ('amount_mismatch', 'currency_mismatch', 'reference_mismatch')
       ) AS contradicted,
       (
           SELECT e.verdict FROM payment_evidence e
           WHERE e.partner_id = s.partner_id AND e.payment_id = s.payment_id AND e.submission_id = s.id
             AND e.source = 'poll' AND e.received_at > o.last_sent_at
           ORDER BY e.received_at DESC, e.id DESC
           LIMIT 1
       ) AS last_poll,
       (
           SELECT json_object_agg(kind, json_build_array(calls, calls_left)) FROM (
               SELECT kind, sum(sends) AS calls, coalesce(sum(sends) FILTER (WHERE state <> 'never_left'), 0) AS calls_left
               FROM bank_operations
               WHERE partner_id = s.partner_id AND submission_id = s.id
               GROUP BY kind
           ) counted
       ) AS tries
FROM submissions s
JOIN LATERAL (
    SELECT * FROM bank_operations
    WHERE partner_id = s.partner_id AND submission_id = s.id
    ORDER BY sequence DESC
    LIMIT 1
) o ON true
WHERE s.partner_id = $1 AND s.payment_id = $2 AND ($3::uuid IS NULL OR s.id = $3)
ORDER BY s.sequence DESC
LIMIT 1;
