-- What became of a spent refresh token: where from it was spent, by which token it was followed, and for a retry of the same
-- request its answer, sealed, for half a minute.
ALTER TABLE refresh_tokens ADD COLUMN used_from VARCHAR(45) NULL;
ALTER TABLE refresh_tokens ADD COLUMN successor_hash VARCHAR(64) NULL;
ALTER TABLE refresh_tokens ADD COLUMN retry_key VARCHAR(64) NULL;
ALTER TABLE refresh_tokens ADD COLUMN sealed_answer BLOB NULL;
ALTER TABLE refresh_tokens ADD COLUMN answer_until DATETIME(6) NULL;
