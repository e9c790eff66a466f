-- Names and addresses are compared by the application; the engine compares bytes, as SQLite does.
SET @statement = CONCAT('ALTER DATABASE `', DATABASE(), '` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin');
PREPARE set_collation FROM @statement;
EXECUTE set_collation;
DEALLOCATE PREPARE set_collation;
