-- The balances are in the ledger now: `bank-service db upgrade` has posted them before this runs. An item's version is that
-- of its ledger account, `seq`.
ALTER TABLE accounts DROP CONSTRAINT accounts_balance;
ALTER TABLE accounts DROP COLUMN balance, DROP COLUMN version, ADD COLUMN iban VARCHAR(34) NULL, ADD CONSTRAINT accounts_iban UNIQUE (iban);
ALTER TABLE cards DROP CONSTRAINT cards_balance;
ALTER TABLE cards DROP COLUMN balance, DROP COLUMN version;
UPDATE accounts JOIN ledger_accounts ON ledger_accounts.id = accounts.id * 2 SET accounts.iban = ledger_accounts.iban;
