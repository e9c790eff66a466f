-- Links, codes and challenges that are good for one use, by a hash only. Of most purposes a user has one at most (slot '-'),
-- so that sending again and its cooldown are one guarded UPDATE of that row; generation counts those updates.
CREATE TABLE one_time_secrets (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    purpose VARCHAR(32) NOT NULL,
    user_id BIGINT NULL,
    slot VARCHAR(36) NOT NULL,
    subject VARCHAR(1000) NOT NULL,
    secret_hash VARCHAR(64) NOT NULL,
    attempts INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    created_at DATETIME(6) NOT NULL,
    cooldown_until DATETIME(6) NOT NULL,
    expires_at DATETIME(6) NOT NULL,
    consumed_at DATETIME(6) NULL,
    window_began_at DATETIME(6) NOT NULL,
    issued_in_window INTEGER NOT NULL,
    generation BIGINT NOT NULL,
    CONSTRAINT one_time_secrets_slot UNIQUE (user_id, purpose, slot),
    CONSTRAINT one_time_secrets_user FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX one_time_secrets_hash ON one_time_secrets (secret_hash);
CREATE INDEX one_time_secrets_expiry ON one_time_secrets (expires_at);
