-- How often something failed or was asked for. The key is an HMAC over what is counted, so that a row tells neither an address
-- nor a network, and unknown addresses have rows like known ones. Rows live for a day after their last change.
CREATE TABLE counters (
    counter_key VARCHAR(64) NOT NULL PRIMARY KEY,
    total INTEGER NOT NULL,
    began_at DATETIME(6) NOT NULL,
    changed_at DATETIME(6) NOT NULL,
    not_before DATETIME(6) NULL
);
CREATE INDEX counters_changed ON counters (changed_at);

-- A device that a user has logged in from, by the SHA-256 of its token. Wrong passwords that come with the token count on it.
CREATE TABLE login_devices (
    token_hash VARCHAR(64) NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL,
    session_id VARCHAR(36) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    expires_at DATETIME(6) NOT NULL,
    failures INTEGER NOT NULL,
    failing_since DATETIME(6) NULL,
    CONSTRAINT login_devices_user FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX login_devices_expiry ON login_devices (expires_at);

-- A network that a user has logged in from: its /24 or /56.
CREATE TABLE known_networks (
    user_id BIGINT NOT NULL,
    network VARCHAR(43) NOT NULL,
    last_login_at DATETIME(6) NOT NULL,
    PRIMARY KEY (user_id, network),
    CONSTRAINT known_networks_user FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX known_networks_age ON known_networks (last_login_at);
