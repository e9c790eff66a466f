//! The `cards` table. A card's owner is the user of its account's client.

use diesel::prelude::*;
use service_kit::http::paging::{Filter, FilterKind, FilterValue, ListQuery, Listing, PageRequest};
use shared_events::{AccountId, BankId, CardId, ClientId};

use super::batch_loader::{BatchLoad, Found};
use super::in_list::in_list;
use super::kept_row::kept_row;
use super::page::page_of;
use super::schema::{accounts, cards, clients};
use super::scoped::{self, Scoped};
use super::{Db, StoreError};
use crate::domain::balance::Balance;
use crate::domain::card::Card;
use crate::domain::policy::Scope;

/// The fields that a list of cards can be filtered by.
pub const FILTERS: &[Filter] = &[
    Filter { name: "id", kind: FilterKind::Integer },
    Filter { name: "balance", kind: FilterKind::Integer },
    Filter { name: "account_id", kind: FilterKind::Integer },
];

/// The parent of cards, at any distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ancestor {
    Account(AccountId),
    Client(ClientId),
    Bank(BankId),
}

type Row = (i64, i64, i64, i64);

#[derive(Insertable)]
#[diesel(table_name = cards)]
struct NewRow {
    id: i64,
    balance: i64,
    account_id: i64,
    version: i64,
}

kept_row!(NewRow, cards: id => BigInt, balance => BigInt, account_id => BigInt, version => BigInt);

fn read((id, balance, account_id, version): Row) -> Result<Card, StoreError> {
    let corrupt = |what| move |_| StoreError::Corrupt { what };
    Ok(Card {
        id: CardId::try_new(id).map_err(corrupt("cards.id"))?,
        balance: Balance::try_new(balance).map_err(|_| StoreError::Corrupt { what: "cards.balance" })?,
        account_id: AccountId::try_new(account_id).map_err(corrupt("cards.account_id"))?,
        version,
    })
}

impl BatchLoad for Scoped<Card> {
    fn load(db: &mut Db, ids: &[i64]) -> Result<Found<Self>, StoreError> {
        let rows: Vec<(Row, i64)> = cards::table
            .inner_join(accounts::table.inner_join(clients::table))
            .filter(in_list(cards::id, ids))
            .select((cards::all_columns, clients::user_id))
            .load(db)?;
        Ok(rows.into_iter().map(|(row, owner)| (row.0, read(row).and_then(|card| Self::new(card, owner)))).collect())
    }
}

/// A card, if it exists within the scope. One query, owner included.
pub fn find(db: &mut Db, scope: Scope, id: CardId) -> Result<Option<Card>, StoreError> {
    scoped::only(Scoped::<Card>::load(db, &[id.get()])?, scope)
}

/// A page of the cards within the scope, by id.
pub fn list(db: &mut Db, scope: Scope, query: &ListQuery) -> Result<Listing<Card>, StoreError> {
    let select = || {
        let mut select = cards::table.into_boxed();
        if let Some(owner) = scope.owner() {
            let own = accounts::table.inner_join(clients::table).filter(clients::user_id.eq(owner.get()));
            select = select.filter(cards::account_id.eq_any(own.select(accounts::id)));
        }
        for (name, value) in &query.filters {
            select = match (*name, value) {
                ("id", FilterValue::Integer(id)) => select.filter(cards::id.eq(*id)),
                ("balance", FilterValue::Integer(minor)) => select.filter(cards::balance.eq(*minor)),
                ("account_id", FilterValue::Integer(id)) => select.filter(cards::account_id.eq(*id)),
                _ => return Err(StoreError::UnknownFilter(name)),
            };
        }
        Ok::<_, StoreError>(select)
    };
    page_of!(db, query, select, cards::id, Row, read)
}

/// A page of an account's cards, by id. The caller has checked the owner of the account.
pub fn list_of_account(db: &mut Db, account: AccountId, query: &ListQuery) -> Result<Listing<Card>, StoreError> {
    let select = || {
        let mut select = cards::table.filter(cards::account_id.eq(account.get())).into_boxed();
        for (name, value) in &query.filters {
            select = match (*name, value) {
                ("id", FilterValue::Integer(id)) => select.filter(cards::id.eq(*id)),
                ("balance", FilterValue::Integer(minor)) => select.filter(cards::balance.eq(*minor)),
                ("account_id", FilterValue::Integer(id)) => select.filter(cards::account_id.eq(*id)),
                _ => return Err(StoreError::UnknownFilter(name)),
            };
        }
        Ok::<_, StoreError>(select)
    };
    page_of!(db, query, select, cards::id, Row, read)
}

/// The cards below an account, a client or a bank, by id, at most `limit`.
pub fn load_of(db: &mut Db, ancestor: Ancestor, limit: i64) -> Result<Vec<Card>, StoreError> {
    let all = cards::table.order(cards::id).limit(limit);
    let of = accounts::table.select(accounts::id);
    let rows: Vec<Row> = match ancestor {
        Ancestor::Account(id) => all.filter(cards::account_id.eq(id.get())).load(db)?,
        Ancestor::Client(id) => {
            all.filter(cards::account_id.eq_any(of.filter(accounts::client_id.eq(id.get())))).load(db)?
        }
        Ancestor::Bank(id) => {
            all.filter(cards::account_id.eq_any(of.filter(accounts::bank_id.eq(id.get())))).load(db)?
        }
    };
    rows.into_iter().map(read).collect()
}

/// Deletes the cards below an account, a client or a bank in one statement; returns how many there were.
pub fn delete_of(db: &mut Db, ancestor: Ancestor) -> Result<usize, StoreError> {
    let of = accounts::table.select(accounts::id);
    Ok(match ancestor {
        Ancestor::Account(id) => diesel::delete(cards::table.filter(cards::account_id.eq(id.get()))).execute(db)?,
        Ancestor::Client(id) => {
            let below = cards::account_id.eq_any(of.filter(accounts::client_id.eq(id.get())));
            diesel::delete(cards::table.filter(below)).execute(db)?
        }
        Ancestor::Bank(id) => {
            let below = cards::account_id.eq_any(of.filter(accounts::bank_id.eq(id.get())));
            diesel::delete(cards::table.filter(below)).execute(db)?
        }
    })
}

/// [`StoreError::ForeignKeyViolation`] if the account does not exist.
pub fn insert(db: &mut Db, card: &Card) -> Result<(), StoreError> {
    let row = NewRow {
        id: card.id.get(),
        balance: card.balance.minor(),
        account_id: card.account_id.get(),
        version: card.version,
    };
    match db {
        #[cfg(feature = "mysql")]
        Db::Mysql(conn) => super::mysql::insert(conn, &[row])?,
        Db::Sqlite(conn) => diesel::insert_into(cards::table).values(row).execute(conn)?,
    };
    Ok(())
}

/// Writes this version over the one before it; false if that no longer exists.
pub fn update(db: &mut Db, card: &Card) -> Result<bool, StoreError> {
    let before = cards::version.eq(card.version.saturating_sub(1));
    let row = cards::table.filter(cards::id.eq(card.id.get())).filter(before);
    let changes = (cards::balance.eq(card.balance.minor()), cards::version.eq(card.version));
    Ok(diesel::update(row).set(changes).execute(db)? == 1)
}

/// Deletes this version; false if it no longer exists.
pub fn delete(db: &mut Db, card: &Card) -> Result<bool, StoreError> {
    let row = cards::table.filter(cards::id.eq(card.id.get())).filter(cards::version.eq(card.version));
    Ok(diesel::delete(row).execute(db)? == 1)
}
