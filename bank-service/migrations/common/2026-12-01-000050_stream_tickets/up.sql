-- One-use tickets that open a stream for a client that cannot send a token. Known by their SHA-256 only.
CREATE TABLE stream_tickets (
    ticket_hash VARCHAR(64) NOT NULL PRIMARY KEY,
    stream VARCHAR(32) NOT NULL,
    user_id BIGINT NOT NULL,
    slot INTEGER NOT NULL,
    session_id VARCHAR(36) NOT NULL,
    token_expires_at DATETIME(6) NOT NULL,
    expires_at DATETIME(6) NOT NULL,
    CONSTRAINT stream_tickets_slot UNIQUE (user_id, slot)
);
CREATE INDEX stream_tickets_expiry ON stream_tickets (expires_at);
