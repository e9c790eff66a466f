-- Who may do what only one replica does at a time, and until when by the server's own clock. SQLite needs none of it: its file
-- belongs to one process.
CREATE TABLE leases (
    name VARCHAR(50) NOT NULL PRIMARY KEY,
    holder VARCHAR(36) NOT NULL,
    expires_at DATETIME(6) NOT NULL
);
