DROP TABLE ledger_entries;
DROP TABLE transfers;
DROP TABLE ledger_stripes;
DROP TABLE ledger_accounts;
DELETE FROM sequences WHERE name = 'ledger_accounts';
