ALTER TABLE replays ADD COLUMN merchant_id uuid;
