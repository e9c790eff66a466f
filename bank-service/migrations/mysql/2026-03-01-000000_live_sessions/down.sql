CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
DROP INDEX sessions_live ON sessions;
