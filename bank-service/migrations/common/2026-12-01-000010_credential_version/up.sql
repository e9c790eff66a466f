-- Counts the changes of a user's credentials: what was proved under an older one opens no session.
ALTER TABLE users ADD COLUMN credential_version BIGINT NOT NULL DEFAULT 0;
