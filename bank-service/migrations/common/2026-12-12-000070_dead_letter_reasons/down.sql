ALTER TABLE dead_letter_actions DROP COLUMN reason;
