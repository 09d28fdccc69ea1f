ALTER TABLE bank_exchanges ADD COLUMN kind operation_kind;

-- Rows come in the order of their time, so this is next to nothing for each payment.
CREATE INDEX bank_exchanges_age ON bank_exchanges USING brin (at) WITH (autosummarize = on);
