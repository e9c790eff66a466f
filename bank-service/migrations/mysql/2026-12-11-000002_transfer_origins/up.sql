-- What captured a hold, and what reversed a transfer.
CREATE INDEX transfers_hold ON transfers (hold_id);
CREATE INDEX transfers_reverses ON transfers (reverses_id);
