-- How far each ledger account was verified, and what its entries say up to there; so that the next check begins behind it.
CREATE TABLE ledger_checkpoints (
    ledger_id BIGINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    balance BIGINT NOT NULL,
    held BIGINT NOT NULL,
    min_balance BIGINT NOT NULL,
    posted_at DATETIME(6) NULL
);
