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

-- name: delete_endpoint_manifests
-- A chunk of the endpoints' manifests of days before a time.
-- across partners: how long they are kept is the installation's matter.
DELETE FROM endpoint_manifests WHERE ctid = ANY (
    ARRAY(SELECT ctid FROM endpoint_manifests WHERE day < ($1::timestamptz AT TIME ZONE 'UTC')::date LIMIT $2)
);

-- name: delete_replays
-- A chunk of the replays that ended before a time; one that has not ended is kept however old.
-- across partners: how long they are kept is the installation's matter.
DELETE FROM replays WHERE ctid = ANY (
    ARRAY(SELECT ctid FROM replays WHERE ended_at < $1 AND state IN ('completed', 'cancelled') LIMIT $2)
);

-- name: delete_authorisations
-- A chunk of the payers' ways to their bank that ended before a time; one that has not ended is kept however old, but
-- for those of a withdrawal, which are over when their short time is.
-- across partners: how long they are kept is the installation's matter.
DELETE FROM authorisations WHERE ctid = ANY (
    ARRAY(SELECT ctid FROM authorisations WHERE updated_at < $1 AND (status = 'ended' OR purpose = 'cancellation')
          LIMIT $2)
);

-- name: delete_endpoint_silences
-- A chunk of the silences of endpoints that ended before a time; one that goes on is kept however old.
-- across partners: how long they are kept is the installation's matter.
DELETE FROM endpoint_silences WHERE ctid = ANY (
    ARRAY(SELECT ctid FROM endpoint_silences WHERE ended_at < $1 LIMIT $2)
);

-- name: delete_used_assertions
-- A chunk of the clients' assertions that would have ended before a time.
-- across partners: how long they are kept is the installation's matter.
DELETE FROM used_assertions WHERE ctid = ANY (
    ARRAY(SELECT ctid FROM used_assertions WHERE expires_at < $1 LIMIT $2)
);

-- name: delete_account_consents
-- A chunk of the consents that ended before a time, with what was kept of their accounts and counted of their reads.
-- across partners: how long they are kept is the installation's matter.
WITH old AS (
    SELECT partner_id, id FROM account_consents WHERE ended_at < $1 LIMIT $2
), accounts AS (
    DELETE FROM consent_accounts a USING old WHERE a.partner_id = old.partner_id AND a.consent_id = old.id
), counted AS (
    DELETE FROM account_reads r USING old WHERE r.partner_id = old.partner_id AND r.consent_id = old.id
)
DELETE FROM account_consents c USING old WHERE c.partner_id = old.partner_id AND c.id = old.id;

-- name: delete_consent_exchanges
-- A chunk of what banks said about consents before a time.
-- across partners: how long they are kept is the installation's matter.
DELETE FROM consent_exchanges WHERE ctid = ANY (
    ARRAY(SELECT ctid FROM consent_exchanges WHERE at < $1 LIMIT $2)
);

-- name: delete_bank_notifications
-- A chunk of the banks' notifications that were done with before a time; one that still waits is kept however old.
-- across partners: how long they are kept is the installation's matter.
DELETE FROM bank_notifications WHERE ctid = ANY (
    ARRAY(SELECT ctid FROM bank_notifications WHERE processed_at < $1 LIMIT $2)
);

-- name: delete_bank_exchanges
-- A chunk of what banks said about payments before a time; all of it is kept, however old, of a payment that may still
-- change or for which a person was called.
-- across partners: how long they are kept is the installation's matter.
DELETE FROM bank_exchanges WHERE ctid = ANY (
    ARRAY(
        SELECT e.ctid FROM bank_exchanges e
        WHERE e.at < $1 AND NOT EXISTS (
            SELECT FROM bank_operations o
            JOIN payments p ON p.partner_id = o.partner_id AND p.id = o.payment_id
            WHERE o.partner_id = e.partner_id AND o.id = e.operation_id AND (
                p.next_check_at IS NOT NULL
                OR p.status NOT IN ('accepted', 'settled', 'completed', 'returned', 'rejected', 'cancelled', 'expired')
                OR EXISTS (
                    SELECT FROM payment_exceptions x
                    WHERE x.partner_id = p.partner_id AND x.payment_id = p.id AND x.closed_at IS NULL
                )
            )
        )
        LIMIT $2
    )
);
