-- name: delete_event_keys
-- A chunk of the partners' own event ids that are older than a time.
-- across partners: how long they are kept is the installation's matter.
DELETE FROM event_keys WHERE ctid = ANY (
    ARRAY(SELECT ctid FROM event_keys WHERE created_at < $1 LIMIT $2)
);

-- name: delete_request_keys
-- A chunk of the Idempotency-Keys that are older than a time.
-- across partners: how long they are kept is the installation's matter.
DELETE FROM request_keys WHERE ctid = ANY (
    ARRAY(SELECT ctid FROM request_keys WHERE created_at < $1 LIMIT $2)
);
