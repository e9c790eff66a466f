DROP INDEX logs_viewer_1;
DROP INDEX logs_viewer_2;
ALTER TABLE logs DROP COLUMN viewer_1;
ALTER TABLE logs DROP COLUMN viewer_2;
