-- A login by another provider. Who somebody is there is issuer and subject; identity_key is the SHA-256 of both in hex digits,
-- since engines compare texts without regard to case and subjects differ by it. One login of each provider per user.
CREATE TABLE social_logins (
    user_id BIGINT NOT NULL,
    provider VARCHAR(16) NOT NULL,
    identity_key VARCHAR(64) NOT NULL,
    issuer VARCHAR(255) NOT NULL,
    subject VARCHAR(255) NOT NULL,
    email VARCHAR(254) NULL,
    linked_at DATETIME(6) NOT NULL,
    last_used_at DATETIME(6) NULL,
    PRIMARY KEY (user_id, provider),
    CONSTRAINT social_logins_identity UNIQUE (identity_key),
    CONSTRAINT social_logins_user FOREIGN KEY (user_id) REFERENCES users (id)
);
