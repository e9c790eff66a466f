-- The sessions of a user that have not ended, apart from the many that have: every login looks for them.
CREATE INDEX sessions_live ON sessions (user_id, revoked_at, created_at);
DROP INDEX sessions_by_user ON sessions;
