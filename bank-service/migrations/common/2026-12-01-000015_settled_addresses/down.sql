ALTER TABLE one_time_secrets DROP COLUMN session_id;
ALTER TABLE users DROP COLUMN settled_at;
