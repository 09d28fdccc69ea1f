-- Some notifications name a consent by the bank's own id only; the partner is what the look-up finds.
CREATE INDEX account_consents_bank_consent ON account_consents (bank_id, bank_consent_id)
    WHERE bank_consent_id IS NOT NULL;

-- What is due, bank by bank, so that one which sends many holds up no other.
DROP INDEX bank_notifications_due;
CREATE INDEX bank_notifications_due ON bank_notifications (bank_id, next_check_at) WHERE processed_at IS NULL;
