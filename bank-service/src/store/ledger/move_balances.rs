//! Posts the balances that accounts and cards had before the ledger, as openings without an event.
//!
//! It runs once, between the migration that makes the ledger's tables and the one that drops the old columns. Each batch is
//! committed with what it moved, so a run that was cut off goes on where it stopped.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use shared_events::{AccountId, BankId, CardId, ClientId, Currency, UserId};

use super::super::{Db, StoreError, ids};
use super::save::{Decided, save};
use super::{Wait, lock_accounts};
use crate::domain::balance::Balance;
use crate::domain::ledger::{
    Book, Caller, LedgerAccount, LedgerId, LedgerKind, Owner, STRIPES, StripeKey, System, open,
};
use crate::domain::scope::Scope;

/// How many items one transaction moves.
const BATCH: i64 = 1_000;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    balance: i64,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = BigInt)]
    client_id: i64,
    #[diesel(sql_type = BigInt)]
    bank_id: i64,
    #[diesel(sql_type = BigInt)]
    user_id: i64,
    #[diesel(sql_type = Text)]
    holder: String,
}

const ACCOUNTS: &str = "SELECT accounts.id, accounts.balance, accounts.currency, accounts.client_id, accounts.bank_id, \
     clients.user_id, clients.name AS holder FROM accounts JOIN clients ON clients.id = accounts.client_id \
     LEFT JOIN ledger_accounts ON ledger_accounts.id = accounts.id * 2 \
     WHERE accounts.id > ? AND ledger_accounts.id IS NULL ORDER BY accounts.id LIMIT ?";
const CARDS: &str = "SELECT cards.id, cards.balance, accounts.currency, accounts.client_id, accounts.bank_id, \
     clients.user_id, clients.name AS holder FROM cards JOIN accounts ON accounts.id = cards.account_id \
     JOIN clients ON clients.id = accounts.client_id \
     LEFT JOIN ledger_accounts ON ledger_accounts.id = cards.id * 2 + 1 \
     WHERE cards.id > ? AND ledger_accounts.id IS NULL ORDER BY cards.id LIMIT ?";

/// How many accounts and cards were moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moved {
    pub accounts: usize,
    pub cards: usize,
}

/// Moves all balances that are not in the ledger yet.
pub fn move_balances(db: &mut Db, now: DateTime<Utc>) -> Result<Moved, StoreError> {
    let accounts = move_all(db, now, ACCOUNTS, LedgerKind::Account)?;
    let cards = move_all(db, now, CARDS, LedgerKind::Card)?;
    Ok(Moved { accounts, cards })
}

fn move_all(db: &mut Db, now: DateTime<Utc>, sql: &str, kind: LedgerKind) -> Result<usize, StoreError> {
    let (mut after, mut moved) = (0, 0);
    loop {
        let load = diesel::sql_query(sql).bind::<BigInt, _>(after).bind::<BigInt, _>(BATCH);
        let rows: Vec<Row> = load.load(db)?;
        let Some(last) = rows.last() else { return Ok(moved) };
        after = last.id;
        moved += rows.len();
        db.transaction(|db| move_batch(db, now, &rows, kind))?;
        tracing::info!(moved, kind = kind.as_str(), "balances were moved into the ledger");
    }
}

fn move_batch(db: &mut Db, now: DateTime<Utc>, rows: &[Row], kind: LedgerKind) -> Result<(), StoreError> {
    let mut accounts = Vec::with_capacity(rows.len());
    let mut stripes: Vec<(StripeKey, LedgerId)> = Vec::new();
    for row in rows {
        let account = opened(row, kind, now)?;
        let key = StripeKey::of(&account, System::Opening);
        if row.balance != 0 && !stripes.iter().any(|(known, _)| *known == key) {
            stripes.push((key, stripe(db, key, now)?));
        }
        accounts.push((account, row.balance));
    }
    let ids: Vec<LedgerId> = stripes.iter().map(|(_, id)| *id).collect();
    let mut book = Book::new(now, lock_accounts(db, &ids, Wait::ForLock)?, []);
    let caller = Caller { user_id: None, scope: Scope::All };
    let mut decided = Vec::new();
    for (account, balance) in accounts {
        let (id, key) = (account.id, StripeKey::of(&account, System::Opening));
        book.open(account);
        if balance == 0 {
            continue;
        }
        let from = stripes.iter().find(|(known, _)| *known == key).map(|(_, id)| *id);
        let from = from.ok_or(StoreError::Corrupt { what: "a stripe" })?;
        let balance = Balance::try_new(balance).map_err(|_| StoreError::Corrupt { what: "a balance" })?;
        let done = open(&mut book, caller, id, balance, from).map_err(|_| StoreError::Migration {
            reason: format!("the balance of {} {} is beyond what the ledger can hold", kind.as_str(), id.get() / 2),
        })?;
        decided.extend(done.map(|done| Decided { done, event_id: None, key: None }));
    }
    save(db, &book, &decided, &[])
}

fn opened(row: &Row, kind: LedgerKind, now: DateTime<Utc>) -> Result<LedgerAccount, StoreError> {
    let corrupt = |what| move |_| StoreError::Corrupt { what };
    let id = match kind {
        LedgerKind::Card => LedgerId::of_card(CardId::try_new(row.id).map_err(corrupt("cards.id"))?),
        _ => LedgerId::of_account(AccountId::try_new(row.id).map_err(corrupt("accounts.id"))?),
    };
    let client_id = ClientId::try_new(row.client_id).map_err(corrupt("accounts.client_id"))?;
    let user_id = UserId::try_new(row.user_id).map_err(corrupt("clients.user_id"))?;
    let owner = Owner {
        bank_id: BankId::try_new(row.bank_id).map_err(corrupt("accounts.bank_id"))?,
        customer: Some((client_id, user_id)),
        currency: row.currency.parse::<Currency>().map_err(|_| StoreError::Corrupt { what: "accounts.currency" })?,
        holder: row.holder.clone(),
    };
    Ok(LedgerAccount::new(id, kind, owner, now))
}

/// The stripe, made if there is none. Its number comes from the table, since no ids are reserved yet.
fn stripe(db: &mut Db, key: StripeKey, now: DateTime<Utc>) -> Result<LedgerId, StoreError> {
    debug_assert!(key.stripe < STRIPES);
    if let Some(id) = super::find_stripes(db, &[key])?.remove(&key) {
        return Ok(id);
    }
    let number = ids::take_one(db, super::super::Sequence::LedgerAccounts)?;
    let id = LedgerId::stored(number.saturating_neg());
    super::stripes::insert_stripe(db, key, id, now)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection as _;

    use super::super::{find, verify};
    use super::*;
    use crate::store::{DatabaseUrl, engine, migrations};

    /// The rows of a database of before the ledger; the second account has nothing, and its card what both engines can hold.
    const BEFORE: &str = "INSERT INTO users (id, email, email_key, registered_on) VALUES (1, 'a@b.c', 'a@b.c', '2026-01-01 00:00:00'); \
        INSERT INTO clients (id, name, user_id) VALUES (1, 'Ada', 1); \
        INSERT INTO banks (id, name) VALUES (1, 'Bank'); \
        INSERT INTO accounts (id, balance, currency, client_id, bank_id) VALUES (1, 520, 'EUR', 1, 1), (2, 0, 'JPY', 1, 1); \
        INSERT INTO cards (id, balance, account_id) VALUES (1, 100, 1), (2, 9007199254740991, 2), (3, 0, 1);";

    #[test]
    fn the_balances_of_before_are_openings_and_a_downgrade_gives_them_back() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("bank.sqlite"));
        migrations::upgrade(&url).unwrap();
        take_ledger_back(&url);
        engine::open(&url).unwrap().batch_execute(BEFORE).unwrap();
        for round in 0..2 {
            migrations::upgrade(&url).unwrap();
            let mut db = engine::open(&url).unwrap();
            let ids = [2, 4, 3, 5, 7].map(LedgerId::stored);
            let found = find(&mut db, &ids).unwrap();
            let mut balances: Vec<_> =
                found.iter().map(|one| (one.id.get(), one.balance, one.currency.code().to_owned(), one.seq)).collect();
            balances.sort_unstable();
            let expected = [
                (2, 520, "EUR", 1),
                (3, 100, "EUR", 1),
                (4, 0, "JPY", 0),
                (5, 9_007_199_254_740_991, "JPY", 1),
                (7, 0, "EUR", 0),
            ];
            assert_eq!(
                balances,
                expected.map(|(id, balance, code, seq)| (id, balance, code.to_owned(), seq)),
                "{round}"
            );
            assert!(found.iter().all(|one| one.user_id.map(UserId::get) == Some(1) && one.bank_id.get() == 1));
            let checked = verify(&mut db).unwrap();
            assert!(checked.is_clean() && checked.transfers == 3, "{checked:?}");
            drop(db);
            take_ledger_back(&url);
        }
    }

    #[test]
    fn a_file_that_another_process_serves_is_refused_until_that_one_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("bank.sqlite"));
        migrations::upgrade(&url).unwrap();
        take_ledger_back(&url);
        let serving = engine::open(&url).unwrap();
        let before = migrations::status(&url).unwrap();
        let refused = migrations::upgrade(&url).unwrap_err().to_string();
        assert!(refused.contains("stop the service") && refused.contains("has the file open"), "{refused}");
        assert_eq!(migrations::status(&url).unwrap(), before);
        drop(serving);
        migrations::upgrade(&url).unwrap();
        let serving = engine::open(&url).unwrap();
        assert_eq!(migrations::upgrade(&url).unwrap(), Vec::<String>::new(), "nothing is left to move");
        drop(serving);
    }

    /// The schema of before the ledger.
    fn take_ledger_back(url: &DatabaseUrl) {
        while migrations::downgrade(url).unwrap().unwrap() != "20261210000001" {}
    }
}
