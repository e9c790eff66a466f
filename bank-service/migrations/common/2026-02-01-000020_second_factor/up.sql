-- How identity was proved: RFC 8176 values, separated by spaces.
ALTER TABLE sessions ADD COLUMN amr VARCHAR(64) NOT NULL DEFAULT 'pwd';

-- One authenticator app per user. The seed is sealed for this table, column and user. It is pending until pending_until, and
-- active once that is null.
CREATE TABLE totp_factors (
    user_id BIGINT NOT NULL PRIMARY KEY,
    factor_id VARCHAR(36) NOT NULL,
    sealed_seed BLOB NOT NULL,
    created_at DATETIME(6) NOT NULL,
    pending_until DATETIME(6) NULL,
    qr_shown BOOLEAN NOT NULL DEFAULT FALSE,
    activated_at DATETIME(6) NULL,
    last_used_step BIGINT NOT NULL DEFAULT 0,
    failed_tries INTEGER NOT NULL DEFAULT 0,
    try_not_before DATETIME(6) NULL,
    CONSTRAINT totp_factors_user FOREIGN KEY (user_id) REFERENCES users (id)
);

-- One row per recovery code, by its SHA-256 in hex digits.
CREATE TABLE recovery_codes (
    user_id BIGINT NOT NULL,
    code_hash VARCHAR(64) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    used_at DATETIME(6) NULL,
    PRIMARY KEY (user_id, code_hash),
    CONSTRAINT recovery_codes_user FOREIGN KEY (user_id) REFERENCES users (id)
);
