-- The release before reads what this one writes. No row has this id.
UPDATE users SET email = email WHERE id = 0;
