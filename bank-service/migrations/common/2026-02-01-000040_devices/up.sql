-- Devices that take push notifications. A push token is kept sealed, and by a keyed hash, which makes it unique: it belongs to
-- whoever registered it last, and the device that had it before is left without one.
CREATE TABLE devices (
    id BIGINT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL,
    device_id VARCHAR(128) NOT NULL,
    device_type VARCHAR(16) NOT NULL,
    sealed_push_token BLOB NULL,
    push_token_hash VARCHAR(64) NULL,
    registered_on DATETIME(6) NOT NULL,
    CONSTRAINT devices_of_user UNIQUE (user_id, device_id),
    CONSTRAINT devices_push_token UNIQUE (push_token_hash),
    CONSTRAINT devices_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
