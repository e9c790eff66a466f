-- The log. `id` is also the reading position: AUTOINCREMENT under SQLite's one-writer rule gives ids in commit order and
-- never the same one twice, so a reader that remembers the last id it saw misses nothing.
CREATE TABLE logs (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id    TEXT    NOT NULL,
    event_type  TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    user_id     INTEGER,
    date        INTEGER NOT NULL, -- seconds since 1970-01-01, UTC
    received_at INTEGER NOT NULL, -- microseconds since 1970-01-01, UTC
    fingerprint BLOB    NOT NULL, -- of the content as it was received; an edit leaves it
    message     TEXT    NOT NULL,
    search      TEXT    NOT NULL, -- the message in lower case, every script
    data        TEXT    NOT NULL  -- JSON; last, so that a scan does not read its pages
);

CREATE UNIQUE INDEX logs_event_id ON logs (event_id);
-- SQLite appends the row id to every index: these serve `WHERE x = ? ORDER BY id` as they are.
CREATE INDEX logs_date ON logs (date);
CREATE INDEX logs_user_id ON logs (user_id);
CREATE INDEX logs_event_type ON logs (event_type);

-- One row that the probe writes: whether the store takes writes is known only by writing.
CREATE TABLE write_probe (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    probed_at INTEGER NOT NULL
);
