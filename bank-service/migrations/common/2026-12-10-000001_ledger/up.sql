-- A ledger account for each account, card and purpose of a bank. It outlives what it belongs to, so nothing refers to that.
-- balance = credits - debits; available = balance - held - min_balance.
CREATE TABLE ledger_accounts (
    id BIGINT NOT NULL PRIMARY KEY,
    kind VARCHAR(16) NOT NULL,
    bank_id BIGINT NOT NULL,
    client_id BIGINT NULL,
    user_id BIGINT NULL,
    currency VARCHAR(3) NOT NULL,
    balance BIGINT NOT NULL,
    held BIGINT NOT NULL,
    min_balance BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    posted_at DATETIME(6) NULL,
    opened_at DATETIME(6) NOT NULL,
    closed_at DATETIME(6) NULL,
    iban VARCHAR(34) NULL,
    CONSTRAINT ledger_accounts_held CHECK (held >= 0),
    CONSTRAINT ledger_accounts_available CHECK (balance - held >= min_balance)
);
CREATE INDEX ledger_accounts_of_user ON ledger_accounts (user_id, id);

-- The ledger accounts of a bank itself are striped: many transfers at once do not wait for one row.
CREATE TABLE ledger_stripes (
    bank_id BIGINT NOT NULL,
    currency VARCHAR(3) NOT NULL,
    kind VARCHAR(16) NOT NULL,
    stripe INTEGER NOT NULL,
    ledger_id BIGINT NOT NULL,
    PRIMARY KEY (bank_id, currency, kind, stripe)
);

-- Only the end of a hold and reversed_amount change. open_until is expires_at while the hold is open, else null.
-- from_seq and to_seq are the entries that the transfer made on its two sides. event_id is null for balances that were there
-- before the ledger. request_key is a hash of the caller, its Idempotency-Key and the place in a batch.
CREATE TABLE transfers (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    from_id BIGINT NOT NULL,
    to_id BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    currency VARCHAR(3) NOT NULL,
    kind VARCHAR(16) NOT NULL,
    status VARCHAR(16) NOT NULL,
    reference VARCHAR(35) NULL,
    description VARCHAR(140) NULL,
    captured_amount BIGINT NULL,
    reversed_amount BIGINT NOT NULL,
    hold_id VARCHAR(36) NULL,
    reverses_id VARCHAR(36) NULL,
    from_name VARCHAR(400) NOT NULL,
    to_name VARCHAR(400) NOT NULL,
    from_seq BIGINT NOT NULL,
    to_seq BIGINT NULL,
    created_at DATETIME(6) NOT NULL,
    posted_at DATETIME(6) NULL,
    ended_at DATETIME(6) NULL,
    expires_at DATETIME(6) NULL,
    open_until DATETIME(6) NULL,
    actor BIGINT NULL,
    event_id VARCHAR(36) NULL,
    request_key VARCHAR(64) NULL,
    request_hash VARCHAR(64) NULL,
    CONSTRAINT transfers_request UNIQUE (request_key),
    CONSTRAINT transfers_amount CHECK (amount > 0),
    CONSTRAINT transfers_captured CHECK (captured_amount IS NULL OR captured_amount BETWEEN 1 AND amount),
    CONSTRAINT transfers_reversed CHECK (reversed_amount BETWEEN 0 AND amount),
    CONSTRAINT transfers_sides CHECK (from_id <> to_id)
);
CREATE INDEX transfers_from ON transfers (from_id, id);
CREATE INDEX transfers_to ON transfers (to_id, id);
CREATE INDEX transfers_open ON transfers (open_until);

-- Never updated, never deleted. seq counts the entries of a ledger account from 1, without gaps.
CREATE TABLE ledger_entries (
    ledger_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    transfer_id VARCHAR(36) NULL,
    amount BIGINT NOT NULL,
    held_change BIGINT NOT NULL,
    balance_after BIGINT NOT NULL,
    held_after BIGINT NOT NULL,
    min_balance_after BIGINT NOT NULL,
    posted_at DATETIME(6) NOT NULL,
    PRIMARY KEY (ledger_id, seq)
);
CREATE INDEX ledger_entries_by_time ON ledger_entries (ledger_id, posted_at, seq);
