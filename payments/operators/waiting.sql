-- name: list_waiting
-- Payments with something open that no machine can end, newest first, after a cursor.
-- across partners: an operator works for all of them; the index of open exceptions is small.
SELECT p.partner_id, p.id, p.environment::text AS environment, p.merchant_id, p.client_id, p.bank_id, p.amount_value,
       p.amount_currency, p.sealed_terms, p.status::text AS status, p.iso_status, p.raw_status, p.reason,
       p.finality::text AS finality, p.execute_at, p.next_check_at, p.checks, p.version, p.created_at, p.updated_at,
       p.cancel_requested_at IS NOT NULL AS cancel_requested, s.state::text AS state, open.codes
FROM (
    SELECT partner_id, payment_id, array_agg(DISTINCT code ORDER BY code) AS codes
    FROM payment_exceptions
    WHERE closed_at IS NULL AND ($1::uuid IS NULL OR payment_id < $1)
    GROUP BY partner_id, payment_id
    ORDER BY payment_id DESC
    LIMIT $2
) open
JOIN payments p ON p.partner_id = open.partner_id AND p.id = open.payment_id
JOIN LATERAL (
    SELECT state FROM submissions
    WHERE partner_id = p.partner_id AND payment_id = p.id
    ORDER BY sequence DESC
    LIMIT 1
) s ON true
ORDER BY p.id DESC;

-- name: count_waiting
-- How many payments wait for persons, by why, and for how long.
-- across partners: monitoring is the installation's.
SELECT code, count(DISTINCT (partner_id, payment_id)) AS payments,
       greatest(extract(epoch FROM now() - min(opened_at)), 0)::float8 AS oldest_seconds
FROM payment_exceptions
WHERE closed_at IS NULL
GROUP BY code;
