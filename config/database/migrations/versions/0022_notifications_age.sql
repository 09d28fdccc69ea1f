-- The notifications of banks that were done with are deleted when they are old.
CREATE INDEX bank_notifications_age ON bank_notifications (processed_at) WHERE processed_at IS NOT NULL;
