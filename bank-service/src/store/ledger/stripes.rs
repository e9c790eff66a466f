//! The stripes of a bank's own ledger accounts: found without a lock, made on first use.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use shared_events::BankId;

use super::super::in_list::{in_list, in_texts};
use super::super::schema::ledger_stripes::{self, dsl};
use super::super::{Ctx, Db, LedgerNumber, StoreError};
use super::accounts::insert;
use crate::domain::ledger::{LedgerId, STRIPES, StripeKey};

/// Bank, currency and purpose of a stripe, its number, and its ledger account.
type Row = (i64, String, String, i32, i64);

/// The ledger accounts of these stripes that there are; of the one that follows a stripe, if it is full.
pub fn find_stripes(db: &mut Db, keys: &[StripeKey]) -> Result<HashMap<StripeKey, LedgerId>, StoreError> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let (mut banks, mut currencies, mut kinds) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for key in keys {
        banks.insert(key.bank_id.get());
        currencies.insert(key.currency.code().to_owned());
        kinds.insert(key.system.as_str().to_owned());
    }
    let banks: Vec<i64> = banks.into_iter().collect();
    let rows: Vec<Row> = dsl::ledger_stripes
        .filter(in_list(dsl::bank_id, &banks))
        .filter(in_texts(dsl::currency, currencies.into_iter().collect()))
        .filter(in_texts(dsl::kind, kinds.into_iter().collect()))
        .order(dsl::stripe)
        .select((dsl::bank_id, dsl::currency, dsl::kind, dsl::stripe, dsl::ledger_id))
        .load(db)?;
    let mut last: HashMap<(i64, &str, &str, i32), LedgerId> = HashMap::with_capacity(rows.len());
    for (bank, currency, kind, stripe, id) in &rows {
        // A later row of the same rest is one that follows.
        last.insert((*bank, currency.as_str(), kind.as_str(), stripe.rem_euclid(STRIPES)), LedgerId::stored(*id));
    }
    let found = |key: &StripeKey| {
        let place = (key.bank_id.get(), key.currency.code(), key.system.as_str(), key.stripe.rem_euclid(STRIPES));
        Some((*key, *last.get(&place)?))
    };
    Ok(keys.iter().filter_map(found).collect())
}

/// All ledger accounts of a bank itself.
pub fn stripes_of(db: &mut Db, bank: BankId) -> Result<Vec<LedgerId>, StoreError> {
    let of_bank = dsl::ledger_stripes.filter(dsl::bank_id.eq(bank.get()));
    let ids: Vec<i64> = of_bank.select(dsl::ledger_id).load(db)?;
    Ok(ids.into_iter().map(LedgerId::stored).collect())
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
