-- Portable over SQLite and MySQL/MariaDB: plain types, named constraints, no engine clauses.
CREATE TABLE sequences (
    name VARCHAR(64) NOT NULL PRIMARY KEY,
    next_value BIGINT NOT NULL
);

CREATE TABLE users (
    id BIGINT NOT NULL PRIMARY KEY,
    email VARCHAR(254) NOT NULL,
    email_key VARCHAR(320) NOT NULL,
    password_hash VARCHAR(255) NULL,
    first_name VARCHAR(100) NULL,
    last_name VARCHAR(100) NULL,
    username VARCHAR(100) NULL,
    language VARCHAR(35) NULL,
    country VARCHAR(2) NULL,
    is_blocked BOOLEAN NOT NULL DEFAULT FALSE,
    blocked_on DATETIME(6) NULL,
    last_login_date DATETIME(6) NULL,
    registered_on DATETIME(6) NOT NULL,
    failed_logins INTEGER NOT NULL DEFAULT 0,
    login_not_before DATETIME(6) NULL,
    version BIGINT NOT NULL DEFAULT 1,
    CONSTRAINT users_email_key UNIQUE (email_key)
);

CREATE TABLE roles (
    id BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    CONSTRAINT roles_name UNIQUE (name)
);

CREATE TABLE user_roles (
    user_id BIGINT NOT NULL,
    role_id BIGINT NOT NULL,
    PRIMARY KEY (user_id, role_id),
    CONSTRAINT user_roles_user FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT user_roles_role FOREIGN KEY (role_id) REFERENCES roles (id)
);

-- A login. `id` is the `sid` claim; it ends at expires_at at the latest.
CREATE TABLE sessions (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL,
    created_at DATETIME(6) NOT NULL,
    auth_time DATETIME(6) NOT NULL,
    last_used_at DATETIME(6) NOT NULL,
    expires_at DATETIME(6) NOT NULL,
    revoked_at DATETIME(6) NULL,
    user_agent VARCHAR(255) NULL,
    remote_addr VARCHAR(64) NULL,
    CONSTRAINT sessions_user FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);

-- One row per issued refresh token, by the SHA-256 of it in hex digits.
CREATE TABLE refresh_tokens (
    token_hash VARCHAR(64) NOT NULL PRIMARY KEY,
    session_id VARCHAR(36) NOT NULL,
    issued_at DATETIME(6) NOT NULL,
    used_at DATETIME(6) NULL,
    CONSTRAINT refresh_tokens_session FOREIGN KEY (session_id) REFERENCES sessions (id)
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);

CREATE TABLE signing_keys (
    kid VARCHAR(64) NOT NULL PRIMARY KEY,
    sealed_private_key BLOB NOT NULL,
    public_key BLOB NOT NULL,
    created_at DATETIME(6) NOT NULL,
    retired_at DATETIME(6) NULL
);

CREATE TABLE social_statuses (
    id BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR(400) NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    CONSTRAINT social_statuses_name UNIQUE (name)
);

CREATE TABLE cities (
    id BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR(400) NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    CONSTRAINT cities_name UNIQUE (name)
);

CREATE TABLE banks (
    id BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR(400) NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    CONSTRAINT banks_name UNIQUE (name)
);

CREATE TABLE branches (
    id BIGINT NOT NULL PRIMARY KEY,
    bank_id BIGINT NOT NULL,
    city_id BIGINT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    CONSTRAINT branches_bank FOREIGN KEY (bank_id) REFERENCES banks (id),
    CONSTRAINT branches_city FOREIGN KEY (city_id) REFERENCES cities (id)
);
CREATE INDEX branches_by_bank ON branches (bank_id, id);
CREATE INDEX branches_by_city ON branches (city_id, id);

CREATE TABLE clients (
    id BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR(400) NOT NULL,
    social_status_id BIGINT NULL,
    user_id BIGINT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    CONSTRAINT clients_user_once UNIQUE (user_id),
    CONSTRAINT clients_user FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT clients_social_status FOREIGN KEY (social_status_id) REFERENCES social_statuses (id)
);
CREATE INDEX clients_by_social_status ON clients (social_status_id, id);

-- balance is in the minor unit of currency (ISO 4217).
CREATE TABLE accounts (
    id BIGINT NOT NULL PRIMARY KEY,
    balance BIGINT NOT NULL,
    currency VARCHAR(3) NOT NULL,
    client_id BIGINT NOT NULL,
    bank_id BIGINT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    CONSTRAINT accounts_balance CHECK (balance >= 0),
    CONSTRAINT accounts_client FOREIGN KEY (client_id) REFERENCES clients (id),
    CONSTRAINT accounts_bank FOREIGN KEY (bank_id) REFERENCES banks (id)
);
CREATE INDEX accounts_by_client ON accounts (client_id, id);
CREATE INDEX accounts_by_bank ON accounts (bank_id, id);

CREATE TABLE cards (
    id BIGINT NOT NULL PRIMARY KEY,
    balance BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    CONSTRAINT cards_balance CHECK (balance >= 0),
    CONSTRAINT cards_account FOREIGN KEY (account_id) REFERENCES accounts (id)
);
CREATE INDEX cards_by_account ON cards (account_id, id);

-- The mail server's final answer to an event's mail, once per event; posted_at is set when the log has the event.
CREATE TABLE mail_receipts (
    event_id VARCHAR(36) NOT NULL PRIMARY KEY,
    state VARCHAR(16) NOT NULL,
    message_id VARCHAR(255) NULL,
    reason VARCHAR(1000) NULL,
    received_at DATETIME(6) NOT NULL,
    due_at DATETIME(6) NULL,
    posted_at DATETIME(6) NULL,
    attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX mail_receipts_due ON mail_receipts (due_at);

CREATE TABLE idempotency_keys (
    caller VARCHAR(64) NOT NULL,
    idempotency_key VARCHAR(255) NOT NULL,
    request_hash VARCHAR(64) NOT NULL,
    response MEDIUMTEXT NOT NULL,
    created_at DATETIME(6) NOT NULL,
    PRIMARY KEY (caller, idempotency_key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
