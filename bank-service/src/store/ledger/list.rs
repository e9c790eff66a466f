//! Lists of transfers, the newest first.

use diesel::prelude::*;
use service_kit::http::paging::{Filter, FilterKind, FilterValue, ListQuery, Listing, PageRequest};

use super::super::schema::ledger_accounts;
use super::super::schema::transfers::{self, dsl};
use super::super::{Db, StoreError};
use super::rows::TransferRow;
use super::transfers::Placed;
use crate::domain::ledger::{LedgerId, TransferId};
use crate::domain::scope::Scope;
use shared_events::{AccountId, CardId};

/// The fields that a list of transfers can be filtered by; `from` and `to` are times.
pub const TRANSFER_FILTERS: &[Filter] = &[
    Filter { name: "account_id", kind: FilterKind::Integer },
    Filter { name: "card_id", kind: FilterKind::Integer },
    Filter { name: "kind", kind: FilterKind::Text },
    Filter { name: "status", kind: FilterKind::Text },
    Filter { name: "reference", kind: FilterKind::Text },
    Filter { name: "from", kind: FilterKind::Date },
    Filter { name: "to", kind: FilterKind::Date },
];

/// A page of the transfers with a side within the scope, the newest first.
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
            let page = match cursor {
                Some(cursor) => page.filter(dsl::id.lt(TransferId::from_number(cursor).to_string())),
                None => page,
            };
            (page.limit(query.page.limit()).load(db)?, None)
        }
    };
    let number = |row: &TransferRow| row.id.parse::<TransferId>().map_or(0, TransferId::number);
    Listing::of(query.page, rows, total, number).try_map(|row| Placed::read(&row))
}
