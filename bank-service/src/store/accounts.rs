//! The `accounts` table. An account's owner is its client's user.

use diesel::prelude::*;
use service_kit::http::paging::{Filter, FilterKind, FilterValue, ListQuery, Listing, PageRequest};
use shared_events::{AccountId, BankId, ClientId, Currency};

use super::batch_loader::{BatchLoad, Found};
use super::in_list::in_list;
use super::page::page_of;
use super::schema::{accounts, clients};
use super::scoped::{self, Scoped};
use super::{Db, StoreError};
use crate::domain::account::Account;
use crate::domain::balance::Balance;
use crate::domain::policy::Scope;

/// The fields that a list of accounts can be filtered by.
pub const FILTERS: &[Filter] = &[
    Filter { name: "id", kind: FilterKind::Integer },
    Filter { name: "balance", kind: FilterKind::Integer },
    Filter { name: "currency", kind: FilterKind::Text },
    Filter { name: "client_id", kind: FilterKind::Integer },
    Filter { name: "bank_id", kind: FilterKind::Integer },
];

/// The parent of accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parent {
    Bank(BankId),
    Client(ClientId),
}

type Row = (i64, i64, String, i64, i64, i64);

fn read((id, balance, currency, client_id, bank_id, version): Row) -> Result<Account, StoreError> {
    let corrupt = |what| move |_| StoreError::Corrupt { what };
    Ok(Account {
        id: AccountId::try_new(id).map_err(corrupt("accounts.id"))?,
        balance: Balance::try_new(balance).map_err(|_| StoreError::Corrupt { what: "accounts.balance" })?,
        currency: currency.parse::<Currency>().map_err(|_| StoreError::Corrupt { what: "accounts.currency" })?,
        client_id: ClientId::try_new(client_id).map_err(corrupt("accounts.client_id"))?,
        bank_id: BankId::try_new(bank_id).map_err(corrupt("accounts.bank_id"))?,
        version,
    })
}

impl BatchLoad for Scoped<Account> {
    fn load(db: &mut Db, ids: &[i64]) -> Result<Found<Self>, StoreError> {
        let rows: Vec<(Row, i64)> = accounts::table
            .inner_join(clients::table)
            .filter(in_list(accounts::id, ids))
            .select((accounts::all_columns, clients::user_id))
            .load(db)?;
        Ok(rows
            .into_iter()
            .map(|(row, owner)| (row.0, read(row).and_then(|account| Self::new(account, owner))))
            .collect())
    }
}

/// An account, if it exists within the scope. One query, owner included.
pub fn find(db: &mut Db, scope: Scope, id: AccountId) -> Result<Option<Account>, StoreError> {
    scoped::only(Scoped::<Account>::load(db, &[id.get()])?, scope)
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
        let mut select = accounts::table.into_boxed();
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
                ("balance", FilterValue::Integer(minor)) => select.filter(accounts::balance.eq(*minor)),
                ("currency", FilterValue::Text(code)) => select.filter(accounts::currency.eq(code.clone())),
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
    let all = accounts::table.order(accounts::id).limit(limit);
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

/// [`StoreError::ForeignKeyViolation`] if the client or the bank does not exist.
pub fn insert(db: &mut Db, account: &Account) -> Result<(), StoreError> {
    let row = (
        accounts::id.eq(account.id.get()),
        accounts::balance.eq(account.balance.minor()),
        accounts::currency.eq(account.currency.code()),
        accounts::client_id.eq(account.client_id.get()),
        accounts::bank_id.eq(account.bank_id.get()),
        accounts::version.eq(account.version),
    );
    diesel::insert_into(accounts::table).values(row).execute(db)?;
    Ok(())
}

/// Writes this version over the one before it; false if that no longer exists.
pub fn update(db: &mut Db, account: &Account) -> Result<bool, StoreError> {
    let before = accounts::version.eq(account.version.saturating_sub(1));
    let row = accounts::table.filter(accounts::id.eq(account.id.get())).filter(before);
    let changes = (accounts::balance.eq(account.balance.minor()), accounts::version.eq(account.version));
    Ok(diesel::update(row).set(changes).execute(db)? == 1)
}

/// Deletes this version; false if it no longer exists.
pub fn delete(db: &mut Db, account: &Account) -> Result<bool, StoreError> {
    let row = accounts::table.filter(accounts::id.eq(account.id.get())).filter(accounts::version.eq(account.version));
    Ok(diesel::delete(row).execute(db)? == 1)
}
