//! The `cards` table. A card's owner is the user of its account's client.

use diesel::prelude::*;
use service_kit::http::paging::{Filter, FilterKind, FilterValue, ListQuery, Listing, PageRequest};
use shared_events::{AccountId, BankId, CardId, ClientId};

use super::batch_loader::{BatchLoad, Found};
use super::in_list::in_list;
use super::kept_row::{insert_rows, kept_row};
use super::ledger::{AccountColumns, AccountRow};
use super::page::page_of;
use super::schema::{accounts, cards, clients, ledger_accounts};
use super::scoped::{self, Scoped};
use super::{Db, StoreError};
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

/// Id and account of a card, and its ledger account.
type Row = (i64, i64, AccountRow);

/// The columns of [`Row`].
const COLUMNS: (cards::id, cards::account_id, AccountColumns) =
    (cards::id, cards::account_id, ledger_accounts::all_columns);

/// Cards with their ledger accounts.
macro_rules! with_ledger_accounts {
    () => {
        cards::table.inner_join(ledger_accounts::table.on(ledger_accounts::id.eq(cards::id * 2_i64 + 1_i64)))
    };
}

#[derive(Insertable)]
#[diesel(table_name = cards)]
struct NewRow {
    id: i64,
    account_id: i64,
}

kept_row!(NewRow, cards: id => BigInt, account_id => BigInt);

fn read((id, account_id, ledger): Row) -> Result<Card, StoreError> {
    let corrupt = |what| move |_| StoreError::Corrupt { what };
    let id = CardId::try_new(id).map_err(corrupt("cards.id"))?;
    let account_id = AccountId::try_new(account_id).map_err(corrupt("cards.account_id"))?;
    Ok(Card::new(id, account_id, &ledger.read(String::new())?))
}

impl BatchLoad for Scoped<Card> {
    fn load(db: &mut Db, ids: &[i64]) -> Result<Found<Self>, StoreError> {
        let rows: Vec<Row> = with_ledger_accounts!().filter(in_list(cards::id, ids)).select(COLUMNS).load(db)?;
        let scoped = |row: Row| {
            let owner = row.2.user_id.unwrap_or_default();
            (row.0, read(row).and_then(|card| Self::new(card, owner)))
        };
        Ok(rows.into_iter().map(scoped).collect())
    }
}

/// A card, if it exists within the scope. One query, owner included.
pub fn find(db: &mut Db, scope: Scope, id: CardId) -> Result<Option<Card>, StoreError> {
    scoped::only(Scoped::<Card>::load(db, &[id.get()])?, scope)
}

/// A page of the cards within the scope, of one account if given, by id. The caller has checked the owner of the account.
pub fn list(
    db: &mut Db,
    scope: Scope,
    account: Option<AccountId>,
    query: &ListQuery,
) -> Result<Listing<Card>, StoreError> {
    let select = || {
        let mut select = with_ledger_accounts!().select(COLUMNS).into_boxed();
        if let Some(account) = account {
            select = select.filter(cards::account_id.eq(account.get()));
        } else if let Some(owner) = scope.owner() {
            let own = accounts::table.inner_join(clients::table).filter(clients::user_id.eq(owner.get()));
            select = select.filter(cards::account_id.eq_any(own.select(accounts::id)));
        }
        for (name, value) in &query.filters {
            select = match (*name, value) {
                ("id", FilterValue::Integer(id)) => select.filter(cards::id.eq(*id)),
                ("balance", FilterValue::Integer(minor)) => select.filter(ledger_accounts::balance.eq(*minor)),
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
    let all = with_ledger_accounts!().order(cards::id).limit(limit).select(COLUMNS);
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

/// Inserts cards; their ledger accounts are the caller's to insert. [`StoreError::ForeignKeyViolation`] if an account does not exist.
pub fn insert(db: &mut Db, cards: &[Card]) -> Result<(), StoreError> {
    let row = |card: &Card| NewRow { id: card.id.get(), account_id: card.account_id.get() };
    let rows: Vec<NewRow> = cards.iter().map(row).collect();
    Ok(insert_rows!(db, cards::table, &rows)?)
}

/// Deletes a card; false if it no longer exists.
pub fn delete(db: &mut Db, id: CardId) -> Result<bool, StoreError> {
    Ok(diesel::delete(cards::table.find(id.get())).execute(db)? == 1)
}
