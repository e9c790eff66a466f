//! The `accounts` table. An account's owner is its client's user.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use service_kit::http::paging::{Filter, FilterKind, FilterValue, ListQuery, Listing, PageRequest};
use shared_events::{AccountId, BankId, ClientId, Currency, UserId};

use super::batch_loader::{BatchLoad, Found};
use super::fixed_sql::fixed_sql;
use super::in_list::in_list;
use super::ledger::{AccountColumns, AccountRow, Wait};
use super::page::page_of;
use super::schema::{accounts, clients, ledger_accounts};
use super::scoped::{self, Scoped};
use super::{Ctx, Db, StoreError};
use crate::domain::account::Account;
use crate::domain::ledger::Owner;
use crate::domain::policy::Scope;

/// The fields that a list of accounts can be filtered by.
pub const FILTERS: &[Filter] = &[
    Filter { name: "id", kind: FilterKind::Integer },
    Filter { name: "balance", kind: FilterKind::Integer },
    Filter { name: "currency", kind: FilterKind::Text },
    Filter { name: "client_id", kind: FilterKind::Integer },
    Filter { name: "iban", kind: FilterKind::Text },
    Filter { name: "bank_id", kind: FilterKind::Integer },
];

/// The parent of accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parent {
    Bank(BankId),
    Client(ClientId),
}

/// Id and client of an account, and its ledger account.
type Row = (i64, i64, AccountRow);

/// The columns of [`Row`].
const COLUMNS: (accounts::id, accounts::client_id, AccountColumns) =
    (accounts::id, accounts::client_id, ledger_accounts::all_columns);

/// Accounts with their ledger accounts.
macro_rules! with_ledger_accounts {
    () => {
        accounts::table.inner_join(ledger_accounts::table.on(ledger_accounts::id.eq(accounts::id * 2_i64)))
    };
}

fn read((id, client_id, ledger): Row) -> Result<Account, StoreError> {
    let corrupt = |what| move |_| StoreError::Corrupt { what };
    let id = AccountId::try_new(id).map_err(corrupt("accounts.id"))?;
    let client_id = ClientId::try_new(client_id).map_err(corrupt("accounts.client_id"))?;
    Ok(Account::new(id, client_id, &ledger.read(String::new())?))
}

impl BatchLoad for Scoped<Account> {
    fn load(db: &mut Db, ids: &[i64]) -> Result<Found<Self>, StoreError> {
        let rows: Vec<Row> = with_ledger_accounts!().filter(in_list(accounts::id, ids)).select(COLUMNS).load(db)?;
        let scoped = |row: Row| {
            let owner = row.2.user_id.unwrap_or_default();
            (row.0, read(row).and_then(|account| Self::new(account, owner)))
        };
        Ok(rows.into_iter().map(scoped).collect())
    }
}

/// An account, if it exists within the scope. One query, owner included.
pub fn find(db: &mut Db, scope: Scope, id: AccountId) -> Result<Option<Account>, StoreError> {
    scoped::only(Scoped::<Account>::load(db, &[id.get()])?, scope)
}

/// The columns of an account that say whose it is.
type OwnerRow = (i64, String, i64, i64, i64, String);

/// The client's user and name, without a lock on their row.
const CLIENT_USER: &str = "(SELECT clients.user_id FROM clients WHERE clients.id = accounts.client_id)";
const CLIENT_NAME: &str = "(SELECT clients.name FROM clients WHERE clients.id = accounts.client_id)";

/// The accounts of these ids that exist, locked in the order of their ids, so that none is deleted before what is added to it is
/// committed.
pub fn lock_for_share(db: &mut Db, ids: &[AccountId], wait: Wait) -> Result<HashMap<AccountId, Owner>, StoreError> {
    let ids = sorted(ids);
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let select = accounts::table.filter(in_list(accounts::id, &ids)).order(accounts::id).select((
        accounts::id,
        accounts::currency,
        accounts::client_id,
        accounts::bank_id,
        fixed_sql::<BigInt>(CLIENT_USER),
        fixed_sql::<Text>(CLIENT_NAME),
    ));
    let rows: Vec<OwnerRow> = match db {
        #[cfg(feature = "mysql")]
        Db::Mysql(conn) => super::mysql::for_share(select, wait == Wait::Skip).load(conn)?,
        Db::Sqlite(conn) => {
            let _ = wait;
            select.load(conn)?
        }
    };
    rows.into_iter().map(owner).collect()
}

fn owner((id, currency, client_id, bank_id, user_id, holder): OwnerRow) -> Result<(AccountId, Owner), StoreError> {
    let corrupt = |what| move |_| StoreError::Corrupt { what };
    let client_id = ClientId::try_new(client_id).map_err(corrupt("accounts.client_id"))?;
    let user_id = UserId::try_new(user_id).map_err(corrupt("clients.user_id"))?;
    let owner = Owner {
        bank_id: BankId::try_new(bank_id).map_err(corrupt("accounts.bank_id"))?,
        customer: Some((client_id, user_id)),
        currency: currency.parse().map_err(|_| StoreError::Corrupt { what: "accounts.currency" })?,
        holder,
    };
    Ok((AccountId::try_new(id).map_err(corrupt("accounts.id"))?, owner))
}

/// Locks the accounts of these ids, in the order of their ids, for a transaction that deletes them; false if one of them no longer
/// exists.
pub fn lock(db: &mut Db, ids: &[AccountId]) -> Result<bool, StoreError> {
    let ids = sorted(ids);
    if ids.is_empty() {
        return Ok(true);
    }
    let select = accounts::table.filter(in_list(accounts::id, &ids)).order(accounts::id).select(accounts::id);
    let locked: Vec<i64> = match db {
        #[cfg(feature = "mysql")]
        Db::Mysql(conn) => select.for_update().load(conn)?,
        Db::Sqlite(conn) => select.load(conn)?,
    };
    Ok(locked.len() == ids.len())
}

/// Those of these ids that exist, locked or not.
pub fn existing(db: &mut Db, ids: &[AccountId]) -> Result<Vec<AccountId>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let found = accounts::table.filter(in_list(accounts::id, &sorted(ids))).select(accounts::id);
    let found: Vec<i64> = found.load(db)?;
    let corrupt = |_| StoreError::Corrupt { what: "accounts.id" };
    found.into_iter().map(|id| AccountId::try_new(id).map_err(corrupt)).collect()
}

fn sorted(ids: &[AccountId]) -> Vec<i64> {
    let mut ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// An owner has few accounts and a bank has many: the sum keeps the planner off the bank's index, so that listing an owner's
/// accounts at a bank costs as much as the owner has.
fn unindexed_bank_id() -> diesel::dsl::Add<accounts::bank_id, i64> {
    accounts::bank_id + 0_i64
}

/// A page of the accounts within the scope, of one bank or client if given, by id.
pub fn list(
    db: &mut Db,
    scope: Scope,
    parent: Option<Parent>,
    query: &ListQuery,
) -> Result<Listing<Account>, StoreError> {
    let select = || {
        let mut select = with_ledger_accounts!().select(COLUMNS).into_boxed();
        if let Some(owner) = scope.owner() {
            let own = clients::table.filter(clients::user_id.eq(owner.get())).select(clients::id);
            select = select.filter(accounts::client_id.eq_any(own));
        }
        select = match parent {
            Some(Parent::Bank(id)) if scope == Scope::All => select.filter(accounts::bank_id.eq(id.get())),
            Some(Parent::Bank(id)) => select.filter(unindexed_bank_id().eq(id.get())),
            Some(Parent::Client(id)) => select.filter(accounts::client_id.eq(id.get())),
            None => select,
        };
        for (name, value) in &query.filters {
            select = match (*name, value) {
                ("id", FilterValue::Integer(id)) => select.filter(accounts::id.eq(*id)),
                ("balance", FilterValue::Integer(minor)) => select.filter(ledger_accounts::balance.eq(*minor)),
                ("currency", FilterValue::Text(code)) => select.filter(accounts::currency.eq(code.clone())),
                // As people write it, with spaces.
                ("iban", FilterValue::Text(iban)) => {
                    let iban: String = iban.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()).collect();
                    select.filter(accounts::iban.eq(iban))
                }
                ("client_id", FilterValue::Integer(id)) => select.filter(accounts::client_id.eq(*id)),
                ("bank_id", FilterValue::Integer(id)) if scope == Scope::All => {
                    select.filter(accounts::bank_id.eq(*id))
                }
                ("bank_id", FilterValue::Integer(id)) => select.filter(unindexed_bank_id().eq(*id)),
                _ => return Err(StoreError::UnknownFilter(name)),
            };
        }
        Ok::<_, StoreError>(select)
    };
    page_of!(db, query, select, accounts::id, Row, read)
}

/// The accounts of a bank or client, by id, at most `limit`.
pub fn load_of(db: &mut Db, parent: Parent, limit: i64) -> Result<Vec<Account>, StoreError> {
    let all = with_ledger_accounts!().order(accounts::id).limit(limit).select(COLUMNS);
    let rows: Vec<Row> = match parent {
        Parent::Bank(id) => all.filter(accounts::bank_id.eq(id.get())).load(db)?,
        Parent::Client(id) => all.filter(accounts::client_id.eq(id.get())).load(db)?,
    };
    rows.into_iter().map(read).collect()
}

/// Deletes the accounts of a bank or client in one statement; returns how many there were.
pub fn delete_of(db: &mut Db, parent: Parent) -> Result<usize, StoreError> {
    Ok(match parent {
        Parent::Bank(id) => diesel::delete(accounts::table.filter(accounts::bank_id.eq(id.get()))).execute(db)?,
        Parent::Client(id) => diesel::delete(accounts::table.filter(accounts::client_id.eq(id.get()))).execute(db)?,
    })
}

/// Inserts an account; its ledger account is the caller's to insert. [`StoreError::ForeignKeyViolation`] if the client or the bank
/// does not exist.
pub fn insert(
    db: &mut Db,
    id: AccountId,
    currency: Currency,
    client: ClientId,
    bank: BankId,
    iban: Option<&str>,
) -> Result<(), StoreError> {
    let row = (
        accounts::id.eq(id.get()),
        accounts::currency.eq(currency.code()),
        accounts::client_id.eq(client.get()),
        accounts::bank_id.eq(bank.get()),
        accounts::iban.eq(iban),
    );
    diesel::insert_into(accounts::table).values(row).execute(db)?;
    Ok(())
}

/// Gives IBANs to some of the accounts that have none, from this id on; returns the last of them.
pub fn add_ibans(db: &mut Db, ctx: &Ctx, after: i64) -> Result<Option<i64>, StoreError> {
    let without = accounts::table.filter(accounts::iban.is_null()).filter(accounts::id.gt(after));
    let ids: Vec<i64> = without.order(accounts::id).limit(500).select(accounts::id).load(db)?;
    for id in &ids {
        let Some(iban) = ctx.ibans.as_ref().and_then(|ibans| ibans.of(*id)) else { continue };
        diesel::update(accounts::table.find(id)).set(accounts::iban.eq(iban.as_str())).execute(db)?;
        diesel::update(ledger_accounts::table.find(id.saturating_mul(2)))
            .set(ledger_accounts::iban.eq(iban.as_str()))
            .execute(db)?;
    }
    Ok(ids.last().copied())
}

/// Deletes an account; false if it no longer exists.
pub fn delete(db: &mut Db, id: AccountId) -> Result<bool, StoreError> {
    Ok(diesel::delete(accounts::table.find(id.get())).execute(db)? == 1)
}
