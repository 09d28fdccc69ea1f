-- name: take_read
-- Count a read, unless as many as the bank allows were counted within the window; two at once wait for each other.
INSERT INTO account_reads (partner_id, consent_id, account_id, reads)
VALUES ($1, $2, $3, ARRAY[$4::timestamptz])
ON CONFLICT (partner_id, consent_id, account_id) DO UPDATE
SET reads = ARRAY(SELECT counted FROM unnest(account_reads.reads) counted WHERE counted > $5 ORDER BY counted) || $4
WHERE (SELECT count(*) FROM unnest(account_reads.reads) counted WHERE counted > $5) < $6
RETURNING true;

-- name: oldest_counted
-- The read whose leaving the window makes room for another one.
SELECT counted
FROM account_reads, unnest(reads) counted
WHERE partner_id = $1 AND consent_id = $2 AND account_id = $3 AND counted > $4
ORDER BY counted DESC
OFFSET $5::integer - 1
LIMIT 1;

-- name: give_back_read
-- A read that never left us does not count.
UPDATE account_reads
SET reads = array_remove(reads, $4::timestamptz)
WHERE partner_id = $1 AND consent_id = $2 AND account_id = $3;
