-- When it became sure that what hangs on the account is of somebody who reads the mail of its address; null: the first reset by
-- mail ends all of it.
ALTER TABLE users ADD COLUMN settled_at DATETIME(6) NULL;
-- The session that asked for a secret.
ALTER TABLE one_time_secrets ADD COLUMN session_id VARCHAR(36) NULL;
