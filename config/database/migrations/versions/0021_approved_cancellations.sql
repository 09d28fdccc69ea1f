ALTER TYPE operation_kind ADD VALUE 'authorise_cancel';

CREATE TYPE authorisation_purpose AS ENUM ('payment', 'cancellation');

ALTER TABLE authorisations ADD COLUMN purpose authorisation_purpose NOT NULL DEFAULT 'payment';

ALTER TABLE authorisations DROP CONSTRAINT authorisations_partner_id_submission_id_key;

ALTER TABLE authorisations ADD UNIQUE (partner_id, submission_id, purpose);
