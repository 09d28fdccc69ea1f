ALTER TABLE submissions ADD COLUMN sealed_refund_account bytea;
