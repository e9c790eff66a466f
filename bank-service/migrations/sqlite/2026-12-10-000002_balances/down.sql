DROP TRIGGER ledger_accounts_remain;
DROP TRIGGER transfers_stay;
DROP TRIGGER transfers_remain;
DROP TRIGGER ledger_entries_remain;
DROP TRIGGER ledger_entries_stay;
CREATE TABLE accounts_next (
    id BIGINT NOT NULL PRIMARY KEY,
    balance BIGINT NOT NULL,
    currency VARCHAR(3) NOT NULL,
    client_id BIGINT NOT NULL,
    bank_id BIGINT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    CONSTRAINT accounts_balance CHECK (balance >= 0),
    CONSTRAINT accounts_client FOREIGN KEY (client_id) REFERENCES clients (id),
    CONSTRAINT accounts_bank FOREIGN KEY (bank_id) REFERENCES banks (id)
);
INSERT INTO accounts_next (id, balance, currency, client_id, bank_id)
SELECT accounts.id, balance, accounts.currency, accounts.client_id, accounts.bank_id
FROM accounts JOIN ledger_accounts ON ledger_accounts.id = accounts.id * 2;
CREATE TABLE cards_next (
    id BIGINT NOT NULL PRIMARY KEY,
    balance BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    CONSTRAINT cards_balance CHECK (balance >= 0),
    CONSTRAINT cards_account FOREIGN KEY (account_id) REFERENCES accounts (id)
);
INSERT INTO cards_next (id, balance, account_id)
SELECT cards.id, balance, account_id FROM cards JOIN ledger_accounts ON ledger_accounts.id = cards.id * 2 + 1;
DROP TABLE cards;
DROP TABLE accounts;
ALTER TABLE accounts_next RENAME TO accounts;
ALTER TABLE cards_next RENAME TO cards;
CREATE INDEX accounts_by_client ON accounts (client_id, id);
CREATE INDEX accounts_by_bank ON accounts (bank_id, id);
CREATE INDEX cards_by_account ON cards (account_id, id);
