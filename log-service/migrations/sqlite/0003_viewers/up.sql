-- The users, besides `user_id`, who see an entry: the owners of the sides of a transfer. No user is in two of the three
-- columns. Entries of before have none.
ALTER TABLE logs ADD COLUMN viewer_1 INTEGER;
ALTER TABLE logs ADD COLUMN viewer_2 INTEGER;

-- Each serves `WHERE viewer = ? ORDER BY id` and costs the other entries nothing.
CREATE INDEX logs_viewer_1 ON logs (viewer_1) WHERE viewer_1 IS NOT NULL;
CREATE INDEX logs_viewer_2 ON logs (viewer_2) WHERE viewer_2 IS NOT NULL;

-- Of two indexes that fit a query alike, SQLite takes the newer one: what a user caused is then read by the user, also if only
-- one type of events is asked for.
DROP INDEX logs_user_id;
CREATE INDEX logs_user_id ON logs (user_id);
