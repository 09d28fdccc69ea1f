-- name: lock_day_caps
-- Those who count one partner's day do it one after the other; the lock falls with the transaction.
SELECT pg_advisory_xact_lock($1);

-- name: sum_day
-- What a partner and one of its merchants have asked to move since midnight, but for one payment; ended ones that moved
-- nothing do not count.
SELECT coalesce(sum(amount_value), 0)::bigint AS by_partner,
       coalesce(sum(amount_value) FILTER (WHERE merchant_id = $5), 0)::bigint AS by_merchant
FROM payments
WHERE partner_id = $1 AND environment = $2 AND id >= $3 AND amount_currency = $4 AND id <> $6
  AND status NOT IN ('rejected', 'cancelled', 'expired');
