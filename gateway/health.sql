-- name: ping
-- Whether PostgreSQL answers.
SELECT true;
