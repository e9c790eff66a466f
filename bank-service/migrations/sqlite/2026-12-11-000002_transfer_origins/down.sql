DROP INDEX transfers_reverses;
DROP INDEX transfers_hold;
