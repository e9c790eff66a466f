-- One-use tickets for the stream. What is kept opens nothing: a hash of the ticket, and the token that asked for it, sealed
-- under the ticket itself.
CREATE TABLE stream_tickets (
    ticket_hash TEXT    NOT NULL PRIMARY KEY,
    user_id     INTEGER NOT NULL,
    sealed      BLOB    NOT NULL,
    expires_at  INTEGER NOT NULL -- microseconds since 1970-01-01, UTC
);

CREATE INDEX stream_tickets_user_id ON stream_tickets (user_id);
CREATE INDEX stream_tickets_expires_at ON stream_tickets (expires_at);
