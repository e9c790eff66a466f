ALTER TABLE refresh_tokens DROP COLUMN retry_key;
ALTER TABLE refresh_tokens DROP COLUMN successor_hash;
ALTER TABLE refresh_tokens DROP COLUMN used_from;
ALTER TABLE refresh_tokens DROP COLUMN sealed_answer;
ALTER TABLE refresh_tokens DROP COLUMN answer_until;
