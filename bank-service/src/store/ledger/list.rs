//! Lists of transfers, the newest first.

use diesel::prelude::*;
use service_kit::http::paging::{Filter, FilterKind, FilterValue, ListQuery, Listing, PageRequest};

use super::super::in_list::in_texts;
use super::super::schema::ledger_accounts;
use super::super::schema::transfers::{self, dsl};
use super::super::{Db, StoreError};
use super::newest::newest;
use super::rows::TransferRow;
use super::transfers::Placed;
use crate::domain::ledger::{LedgerId, TransferId, TransferKind, TransferStatus};
use crate::domain::scope::Scope;
use shared_events::{AccountId, CardId};

/// The fields that a list of transfers can be filtered by; `from` and `to` are times.
pub const TRANSFER_FILTERS: &[Filter] = &[
    Filter { name: "account_id", kind: FilterKind::Integer },
    Filter { name: "card_id", kind: FilterKind::Integer },
    Filter { name: "kind", kind: FilterKind::OneOf(&TransferKind::NAMES) },
    Filter { name: "status", kind: FilterKind::OneOf(&TransferStatus::NAMES) },
    Filter { name: "reference", kind: FilterKind::Text },
    Filter { name: "from", kind: FilterKind::Date },
    Filter { name: "to", kind: FilterKind::Date },
];

/// More ledger accounts than these are not asked for one by one.
const MOST_SIDES: usize = 10_000;

/// A page of the transfers with a side within the scope, the newest first. Behind a cursor it costs the same however many there are,
/// if it is filtered by no more than a side of the caller's.
pub fn list_transfers(db: &mut Db, scope: Scope, query: &ListQuery) -> Result<Listing<Placed>, StoreError> {
    let select = || {
        let mut select = transfers::table.into_boxed();
        if let Some(owner) = scope.owner() {
            let own = || {
                ledger_accounts::table
                    .filter(ledger_accounts::user_id.eq(owner.get()))
                    .filter(ledger_accounts::closed_at.is_null())
                    .select(ledger_accounts::id)
            };
            select = select.filter(dsl::from_id.eq_any(own()).or(dsl::to_id.eq_any(own())));
        }
        for (name, value) in &query.filters {
            select = match (*name, value) {
                ("account_id", FilterValue::Integer(id)) => {
                    let side = AccountId::try_new(*id).map_or(0, |id| LedgerId::of_account(id).get());
                    select.filter(dsl::from_id.eq(side).or(dsl::to_id.eq(side)))
                }
                ("card_id", FilterValue::Integer(id)) => {
                    let side = CardId::try_new(*id).map_or(0, |id| LedgerId::of_card(id).get());
                    select.filter(dsl::from_id.eq(side).or(dsl::to_id.eq(side)))
                }
                ("kind", FilterValue::Text(kind)) => select.filter(dsl::kind.eq(kind.clone())),
                ("status", FilterValue::Text(status)) => select.filter(dsl::status.eq(status.clone())),
                ("reference", FilterValue::Text(text)) => select.filter(dsl::reference.eq(text.clone())),
                ("from", FilterValue::Date(date)) => select.filter(dsl::created_at.ge(date.naive_utc())),
                ("to", FilterValue::Date(date)) => select.filter(dsl::created_at.le(date.naive_utc())),
                _ => return Err(StoreError::UnknownFilter(name)),
            };
        }
        Ok(select)
    };
    let page = select()?.order(dsl::id.desc());
    let (rows, total): (Vec<TransferRow>, Option<i64>) = match query.page {
        PageRequest::Number { size, .. } => {
            let total: i64 = select()?.count().get_result(db)?;
            let skip = query.page.offset();
            (if skip < total { page.limit(size).offset(skip).load(db)? } else { Vec::new() }, Some(total))
        }
        PageRequest::After { cursor, .. } => {
            let (before, limit) = (cursor.map(TransferId::from_number), query.page.limit());
            let rows: Vec<TransferRow> = match (sides(db, scope, &query.filters)?, before) {
                (Some(sides), before) => {
                    let ids = newest(db, &sides, before, limit)?;
                    load(db, &ids)?
                }
                (None, Some(before)) => page.filter(dsl::id.lt(before.to_string())).limit(limit).load(db)?,
                (None, None) => page.limit(limit).load(db)?,
            };
            (rows, None)
        }
    };
    let number = |row: &TransferRow| row.id.parse::<TransferId>().map_or(0, TransferId::number);
    Listing::of(query.page, rows, total, number).try_map(|row| Placed::read(&row))
}

/// The ledger accounts that the page's transfers have on either side, if nothing else decides which they are.
fn sides(
    db: &mut Db,
    scope: Scope,
    filters: &[(&'static str, FilterValue)],
) -> Result<Option<Vec<LedgerId>>, StoreError> {
    let side = match filters {
        [] => None,
        [("account_id", FilterValue::Integer(id))] => AccountId::try_new(*id).ok().map(LedgerId::of_account),
        [("card_id", FilterValue::Integer(id))] => CardId::try_new(*id).ok().map(LedgerId::of_card),
        _ => return Ok(None),
    };
    if side.is_none() && !filters.is_empty() {
        // No account or card has such an id.
        return Ok(Some(Vec::new()));
    }
    let Some(owner) = scope.owner() else { return Ok(side.map(|side| vec![side])) };
    let one_beyond = i64::try_from(MOST_SIDES).unwrap_or(i64::MAX).saturating_add(1);
    let own: Vec<i64> = ledger_accounts::table
        .filter(ledger_accounts::user_id.eq(owner.get()))
        .filter(ledger_accounts::closed_at.is_null())
        .select(ledger_accounts::id)
        .limit(one_beyond)
        .load(db)?;
    let own: Vec<LedgerId> = own.into_iter().map(LedgerId::stored).collect();
    Ok(match side {
        Some(side) => own.contains(&side).then(|| vec![side]),
        None if own.len() > MOST_SIDES => None,
        None => Some(own),
    })
}

/// The transfers of these ids, the newest first.
fn load(db: &mut Db, ids: &[TransferId]) -> Result<Vec<TransferRow>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids = ids.iter().map(ToString::to_string).collect();
    Ok(transfers::table.filter(in_texts(dsl::id, ids)).order(dsl::id.desc()).load(db)?)
}
