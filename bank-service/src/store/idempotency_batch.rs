//! The idempotency keys of many requests in one transaction: read in one statement, stored in one, with the same promises as alone.
//!
//! Of equal keys in one batch the first is done and the others get its response. If another transaction stores one of the keys
//! meanwhile, the insert meets the unique key, and the batch starts over and finds the response.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::idempotency::{NewRow, delete_expired, insert, oldest};
use super::idempotency_key::{IdempotencyError, IdempotencyKey};
use super::in_pairs::{MOST_PAIRS, in_pairs};
use super::schema::idempotency_keys::dsl;
use super::{Ctx, Db, StoreError};

/// A caller and its key.
type Place = (String, String);

struct Known {
    request_hash: String,
    response: String,
    created_at: NaiveDateTime,
}

/// Requests and answers under the keys of a batch, from before and from the batch itself.
#[derive(Default)]
pub struct IdempotencyBatch {
    known: HashMap<Place, Known>,
    /// The rows to be inserted, in one order for all transactions, so that no two wait for each other.
    used: BTreeMap<Place, NewRow>,
    /// Rows that are in the way of new ones.
    expired: Vec<(Ctx, IdempotencyKey)>,
}

impl IdempotencyBatch {
    pub fn load(db: &mut Db, keys: &[IdempotencyKey]) -> Result<Self, StoreError> {
        let mut known = HashMap::new();
        for some in keys.chunks(MOST_PAIRS) {
            let is_wanted = in_pairs(dsl::caller, dsl::idempotency_key, some.iter().map(place_of).collect());
            let columns = (dsl::caller, dsl::idempotency_key, dsl::request_hash, dsl::response, dsl::created_at);
            let rows: Vec<(String, String, String, String, NaiveDateTime)> =
                dsl::idempotency_keys.filter(is_wanted).select(columns).load(db)?;
            for (caller, key, request_hash, response, created_at) in rows {
                known.insert((caller, key), Known { request_hash, response, created_at });
            }
        }
        Ok(Self { known, ..Self::default() })
    }

    /// The response stored under this key, if any.
    pub fn find(&self, ctx: &Ctx, key: &IdempotencyKey) -> Result<Option<&str>, IdempotencyError> {
        match self.known.get(&place_of(key)).filter(|known| known.created_at > oldest(ctx)) {
            Some(known) if known.request_hash != key.request_hash => Err(IdempotencyError::KeyReused),
            Some(known) => Ok(Some(known.response.as_str())),
            None => Ok(None),
        }
    }

    /// Stores the response to a request that was done, with the transaction.
    pub fn remember(&mut self, ctx: &Ctx, key: &IdempotencyKey, response: &str) {
        let known = Known {
            request_hash: key.request_hash.clone(),
            response: response.to_owned(),
            created_at: ctx.now_naive(),
        };
        if self.known.insert(place_of(key), known).is_some() {
            self.expired.push((ctx.clone(), key.clone()));
        }
        self.used.insert(place_of(key), NewRow::new(ctx, key, response));
    }

    /// Writes what was remembered.
    pub fn save(self, db: &mut Db) -> Result<(), StoreError> {
        for (ctx, key) in &self.expired {
            delete_expired(db, ctx, key)?;
        }
        let rows: Vec<NewRow> = self.used.into_values().collect();
        insert(db, &rows).map_err(|error| match error {
            StoreError::UniqueViolation => StoreError::Serialization,
            error => error,
        })
    }
}

fn place_of(key: &IdempotencyKey) -> Place {
    (key.caller.clone(), key.key.clone())
}
