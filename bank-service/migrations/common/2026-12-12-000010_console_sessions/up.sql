-- The cookie of a session of the console, by its SHA-256 only. Goes with its session: the release before does not know the table.
CREATE TABLE console_sessions (
    cookie_hash VARCHAR(64) NOT NULL PRIMARY KEY,
    session_id VARCHAR(36) NOT NULL,
    CONSTRAINT console_sessions_session UNIQUE (session_id),
    CONSTRAINT console_sessions_of_session FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE
);
