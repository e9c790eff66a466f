-- An event is here exactly if its change committed. The engine counts `id` at insertion, after the row lock of the changed
-- entity is held, so ids keep the order of events per entity. Nothing ever selects by "id > cursor".
-- due_at is null once the row is sent, so the index on it holds the waiting rows only first.
CREATE TABLE outbox (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    event_id VARCHAR(36) NOT NULL,
    event_type VARCHAR(100) NOT NULL,
    message TEXT NOT NULL,
    created_at DATETIME(6) NOT NULL,
    due_at DATETIME(6) NULL,
    sent_at DATETIME(6) NULL,
    waiting_for VARCHAR(100) NULL,
    progress TEXT NULL,
    CONSTRAINT outbox_event UNIQUE (event_id)
);
CREATE INDEX outbox_due ON outbox (due_at, id);
CREATE INDEX outbox_sent ON outbox (sent_at);
