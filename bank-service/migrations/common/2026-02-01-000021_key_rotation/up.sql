-- A key is in the key set from its creation on, and signs from here on; null: from its creation on. A key's retired_at may lie
-- ahead: it is the time when the next one begins to sign.
ALTER TABLE signing_keys ADD COLUMN signs_from DATETIME(6) NULL;
