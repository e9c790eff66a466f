-- Why an operator replayed or discarded a dead letter, in its own words; null where none was given.
ALTER TABLE dead_letter_actions ADD COLUMN reason VARCHAR(300) NULL;
