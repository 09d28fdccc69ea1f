-- name: find_named
-- The payments that these banks name by our references, with the submission named and its newest operation, unlocked.
-- across partners: a bank names our reference only, and the partner is what the look-up finds.
SELECT asked.place, p.partner_id AS p_partner_id, p.id AS p_id, p.environment::text AS p_environment,
       p.merchant_id AS p_merchant_id, p.client_id AS p_client_id, p.bank_id AS p_bank_id,
       p.amount_value AS p_amount_value, p.amount_currency AS p_amount_currency, p.status::text AS p_status,
       p.iso_status AS p_iso_status, p.raw_status AS p_raw_status, p.reason AS p_reason,
       p.finality::text AS p_finality, p.execute_at AS p_execute_at, p.next_check_at AS p_next_check_at,
       p.checks AS p_checks, p.version AS p_version, p.created_at AS p_created_at, p.updated_at AS p_updated_at,
       p.sealed_terms,
       s.id AS s_id, s.sequence AS s_sequence, s.state::text AS s_state, s.end_to_end_id AS s_end_to_end_id,
       s.bank_reference AS s_bank_reference, s.sent_at AS s_sent_at, s.created_at AS s_created_at,
       o.id AS o_id, o.submission_id AS o_submission_id, o.sequence AS o_sequence, o.kind::text AS o_kind,
       o.state::text AS o_state, o.idempotency_key AS o_idempotency_key, o.sealed_request AS o_sealed_request,
       o.sends AS o_sends, o.lease_owner AS o_lease_owner, o.lease_until AS o_lease_until,
       o.first_sent_at AS o_first_sent_at, o.last_sent_at AS o_last_sent_at
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (bank_id, reference, place)
CROSS JOIN LATERAL (
    SELECT * FROM submissions WHERE bank_id = asked.bank_id AND end_to_end_id = asked.reference LIMIT 1
) s
CROSS JOIN LATERAL (
    SELECT * FROM payments WHERE partner_id = s.partner_id AND id = s.payment_id LIMIT 1
) p
CROSS JOIN LATERAL (
    SELECT * FROM bank_operations
    WHERE partner_id = s.partner_id AND submission_id = s.id
    ORDER BY sequence DESC
    LIMIT 1
) o;

-- name: apply
-- What notifications changed: payments and submissions move, the evidence is kept, the notifications end. Each counts
-- only where its payment has the version that was read, nobody else holds it at the moment, and the notification has
-- not ended; the answer is the payments that moved.
WITH heard AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::text[], $9::timestamptz[], $10::integer[], $11::timestamptz[], $12::uuid[], $13::text[],
                         $14::text[], $15::text[], $16::uuid[], $17::uuid[], $18::text[], $19::text[], $20::text[],
                         $21::text[], $22::timestamptz[])
        AS heard (partner_id, payment_id, version, status, iso_status, raw_status, reason, finality, next_check_at,
                  checks, updated_at, submission_id, state, bank_reference, bank_id, notification_id, evidence_id,
                  verdict, raw_code, iso_code, evidence_reason, at)
), held AS (
    SELECT heard.*
    FROM heard
    JOIN payments p ON p.partner_id = heard.partner_id AND p.id = heard.payment_id AND p.version = heard.version
    FOR UPDATE OF p SKIP LOCKED
), ended AS (
    UPDATE bank_notifications n
    SET processed_at = held.updated_at, outcome = 'applied'
    FROM held
    WHERE n.bank_id = held.bank_id AND n.id = held.notification_id AND n.processed_at IS NULL
    RETURNING held.*
), payment AS (
    UPDATE payments p
    SET status = ended.status::payment_status, iso_status = ended.iso_status, raw_status = ended.raw_status,
        reason = ended.reason, finality = ended.finality::finality, next_check_at = ended.next_check_at,
        checks = ended.checks, updated_at = ended.updated_at, version = p.version + 1
    FROM ended
    WHERE p.partner_id = ended.partner_id AND p.id = ended.payment_id
    RETURNING p.id
), submission AS (
    UPDATE submissions s
    SET state = ended.state::submission_state, bank_reference = ended.bank_reference, iso_status = ended.iso_status,
        raw_status = ended.raw_status, updated_at = ended.updated_at
    FROM ended
    WHERE s.partner_id = ended.partner_id AND s.id = ended.submission_id
), evidence AS (
    INSERT INTO payment_evidence (partner_id, id, payment_id, submission_id, source, verdict, raw_code, iso_code,
                                  reason, applied, at, received_at)
    SELECT partner_id, evidence_id, payment_id, submission_id, 'callback', verdict, raw_code, iso_code,
           evidence_reason, true, at, updated_at
    FROM ended
)
SELECT id FROM payment;
