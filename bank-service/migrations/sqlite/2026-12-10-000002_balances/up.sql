-- The balances are in the ledger now: `bank-service db upgrade` has posted them before this runs. SQLite cannot drop a column
-- that a constraint names, so both tables are made anew (https://sqlite.org/lang_altertable.html, section 7).
CREATE TABLE accounts_next (
    id BIGINT NOT NULL PRIMARY KEY,
    currency VARCHAR(3) NOT NULL,
    client_id BIGINT NOT NULL,
    bank_id BIGINT NOT NULL,
    iban VARCHAR(34) NULL,
    CONSTRAINT accounts_iban UNIQUE (iban),
    CONSTRAINT accounts_client FOREIGN KEY (client_id) REFERENCES clients (id),
    CONSTRAINT accounts_bank FOREIGN KEY (bank_id) REFERENCES banks (id)
);
INSERT INTO accounts_next (id, currency, client_id, bank_id, iban)
SELECT accounts.id, accounts.currency, accounts.client_id, accounts.bank_id, ledger_accounts.iban
FROM accounts JOIN ledger_accounts ON ledger_accounts.id = accounts.id * 2;
CREATE TABLE cards_next (
    id BIGINT NOT NULL PRIMARY KEY,
    account_id BIGINT NOT NULL,
    CONSTRAINT cards_account FOREIGN KEY (account_id) REFERENCES accounts (id)
);
INSERT INTO cards_next (id, account_id) SELECT id, account_id FROM cards;
DROP TABLE cards;
DROP TABLE accounts;
ALTER TABLE accounts_next RENAME TO accounts;
ALTER TABLE cards_next RENAME TO cards;
CREATE INDEX accounts_by_client ON accounts (client_id, id);
CREATE INDEX accounts_by_bank ON accounts (bank_id, id);
CREATE INDEX cards_by_account ON cards (account_id, id);

-- History cannot be changed, by this service or by hand.
CREATE TRIGGER ledger_entries_stay BEFORE UPDATE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'ledger entries are never changed'); END;
CREATE TRIGGER ledger_entries_remain BEFORE DELETE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'ledger entries are never deleted'); END;
CREATE TRIGGER transfers_remain BEFORE DELETE ON transfers
BEGIN SELECT RAISE(ABORT, 'transfers are never deleted'); END;
CREATE TRIGGER transfers_stay BEFORE UPDATE OF id, from_id, to_id, amount, currency, kind, reference, description, hold_id,
    reverses_id, from_name, to_name, from_seq, to_seq, created_at, posted_at, expires_at, actor, event_id,
    request_key, request_hash ON transfers
BEGIN SELECT RAISE(ABORT, 'only the end of a hold and what was reversed change a transfer'); END;
CREATE TRIGGER ledger_accounts_remain BEFORE DELETE ON ledger_accounts
BEGIN SELECT RAISE(ABORT, 'ledger accounts are never deleted'); END;
