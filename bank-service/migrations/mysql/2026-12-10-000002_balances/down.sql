ALTER TABLE accounts ADD COLUMN balance BIGINT NOT NULL DEFAULT 0, ADD COLUMN version BIGINT NOT NULL DEFAULT 1, DROP INDEX accounts_iban, DROP COLUMN iban;
UPDATE accounts JOIN ledger_accounts ON ledger_accounts.id = accounts.id * 2 SET accounts.balance = ledger_accounts.balance;
ALTER TABLE accounts ALTER COLUMN balance DROP DEFAULT, ADD CONSTRAINT accounts_balance CHECK (balance >= 0);
ALTER TABLE cards ADD COLUMN balance BIGINT NOT NULL DEFAULT 0, ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
UPDATE cards JOIN ledger_accounts ON ledger_accounts.id = cards.id * 2 + 1 SET cards.balance = ledger_accounts.balance;
ALTER TABLE cards ALTER COLUMN balance DROP DEFAULT, ADD CONSTRAINT cards_balance CHECK (balance >= 0);
