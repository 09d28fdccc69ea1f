ALTER TYPE operation_kind ADD VALUE 'enquire_authorisation';

ALTER TYPE authorisation_status ADD VALUE 'refused';
