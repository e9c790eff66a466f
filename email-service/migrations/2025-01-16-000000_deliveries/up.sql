-- One row per mail: one event, one recipient. Times are microseconds since 1970, UTC.
CREATE TABLE deliveries (
    id         INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    event_id   TEXT    NOT NULL,
    event_type TEXT    NOT NULL,
    recipient  TEXT    NOT NULL COLLATE NOCASE,
    message_id TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('sending', 'sent', 'rejected', 'failed')),
    attempts   INTEGER NOT NULL CHECK (attempts >= 0),
    answer     TEXT,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL,
    UNIQUE (event_id, recipient),
    UNIQUE (event_id, message_id)
);

CREATE INDEX deliveries_by_event_type ON deliveries (event_type, id);
CREATE INDEX deliveries_by_state ON deliveries (state, id);
CREATE INDEX deliveries_by_created_at ON deliveries (created_at);
