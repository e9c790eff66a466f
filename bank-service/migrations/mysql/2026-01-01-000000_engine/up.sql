-- Names and addresses are compared by the application; the engine compares bytes, as SQLite does.
-- Without a name this is the current database. MySQL refuses ALTER DATABASE in a prepared statement (error 1295), so the
-- name is not put in by one.
ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
