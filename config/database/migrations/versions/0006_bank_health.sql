-- How each process sees the banks that it calls, told every few seconds; nothing decides by it.
CREATE TABLE bank_health (
    bank_id     text NOT NULL,
    process_id  uuid NOT NULL,
    calls       integer NOT NULL,
    failures    integer NOT NULL,
    shut_until  timestamptz,
    told_at     timestamptz NOT NULL,
    PRIMARY KEY (bank_id, process_id)
);
