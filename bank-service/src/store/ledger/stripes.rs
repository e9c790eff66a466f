//! The stripes of a bank's own ledger accounts: found without a lock, made on first use.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::super::schema::ledger_stripes::{self, dsl};
use super::super::{Ctx, Db, LedgerNumber, StoreError};
use super::accounts::insert;
use crate::domain::ledger::{LedgerId, STRIPES, StripeKey};

/// How often a full stripe is followed by another one before the search ends.
const MOST_FOLLOWERS: i32 = 1024;

/// The ledger account of a stripe; of the one that follows it, if it is full.
pub fn find_stripe(db: &mut Db, key: StripeKey) -> Result<Option<LedgerId>, StoreError> {
    let last = key.stripe.saturating_add(MOST_FOLLOWERS.saturating_mul(STRIPES));
    let rows: Vec<(i32, i64)> = dsl::ledger_stripes
        .filter(dsl::bank_id.eq(key.bank_id.get()))
        .filter(dsl::currency.eq(key.currency.code()))
        .filter(dsl::kind.eq(key.system.as_str()))
        .filter(dsl::stripe.between(key.stripe, last))
        .order(dsl::stripe)
        .select((dsl::stripe, dsl::ledger_id))
        .load(db)?;
    let mut ours = rows.iter().filter(|(stripe, _)| (stripe - key.stripe) % STRIPES == 0);
    Ok(ours.next_back().map(|(_, id)| LedgerId::stored(*id)))
}

/// Makes the stripe. [`StoreError::UniqueViolation`] if another transaction has made it.
pub fn make_stripe(db: &mut Db, ctx: &Ctx, key: StripeKey, now: DateTime<Utc>) -> Result<LedgerId, StoreError> {
    let number: LedgerNumber = ctx.next_id()?;
    let id = LedgerId::stored(number.get().saturating_neg());
    insert_stripe(db, key, id, now)?;
    Ok(id)
}

pub(super) fn insert_stripe(db: &mut Db, key: StripeKey, id: LedgerId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let row = (
        dsl::bank_id.eq(key.bank_id.get()),
        dsl::currency.eq(key.currency.code()),
        dsl::kind.eq(key.system.as_str()),
        dsl::stripe.eq(key.stripe),
        dsl::ledger_id.eq(id.get()),
    );
    diesel::insert_into(ledger_stripes::table).values(row).execute(db)?;
    insert(db, &[key.open(id, now)])
}
