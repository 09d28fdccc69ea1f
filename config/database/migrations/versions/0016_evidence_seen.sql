-- Proposals from before have no version: they are proposed again.
ALTER TABLE evidence_proposals ADD COLUMN payment_version bigint, ADD COLUMN bank_reference text;
