-- name: lock_event
-- One event of the partner and environment, held until the transaction ends.
SELECT type, erased_at FROM events WHERE partner_id = $1 AND environment = $2 AND id = $3 FOR UPDATE;

-- name: erase_event
-- Its body gives way to what stands for an erased value.
UPDATE events SET sealed_body = $3, erased_at = now() WHERE partner_id = $1 AND id = $2 RETURNING erased_at;

-- name: lock_deliveries
-- Its deliveries, held: a result that is on its way comes before or after all of this, and then finds them ended.
SELECT id FROM deliveries WHERE partner_id = $1 AND event_id = $2 ORDER BY id FOR UPDATE;

-- name: erase_exchanges
-- What was exchanged with receivers about it.
UPDATE delivery_attempts SET sealed_exchange = $3 WHERE partner_id = $1 AND delivery_id = ANY($2::uuid[]);

-- name: end_deliveries
-- Nothing is left to send. One that waits in a line ends when its turn comes.
UPDATE deliveries
SET state = 'dead', state_reason = $3, next_attempt_at = NULL, awaits_lane = false, ended_at = now()
WHERE partner_id = $1 AND id = ANY($2::uuid[]) AND state::text = 'pending'
RETURNING partner_id, id, endpoint_id, ordering_key;

-- name: move_versions
-- Tell the matchers that endpoints of this merchant change; before the endpoints, as every change of one does. The
-- catalogue's version moves too, so that no event is written for the merchant that was checked before.
UPDATE environments SET catalogue_version = catalogue_version + 1, endpoints_version = endpoints_version + EXISTS (
    SELECT FROM webhook_endpoints
    WHERE partner_id = $1 AND environment = $2 AND merchant_id = $3 AND state <> 'deleted'
)::integer
WHERE partner_id = $1 AND environment = $2;

-- name: delete_endpoints
-- A merchant's own endpoints are sealed with its key: without it they can be neither used nor read.
UPDATE webhook_endpoints
SET state = 'deleted', state_reason = 'merchant_erased', version = version + 1, updated_at = now()
WHERE partner_id = $1 AND environment = $2 AND merchant_id = $3 AND state <> 'deleted';
