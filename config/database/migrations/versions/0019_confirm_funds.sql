ALTER TYPE operation_kind ADD VALUE 'confirm_funds';
