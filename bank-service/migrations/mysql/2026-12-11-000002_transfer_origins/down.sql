DROP INDEX transfers_reverses ON transfers;
DROP INDEX transfers_hold ON transfers;
