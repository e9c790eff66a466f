//! Converts the addresses that earlier releases stored to the form in which addresses are compared now.
//!
//! Rows are converted one at a time, each by a guarded UPDATE, so an interrupted conversion resumes where it stopped. A row whose
//! new form is another user's stays unchanged; that user cannot be found by address until an administrator sets another one.

use diesel::prelude::*;

use super::schema::users;
use super::{Db, StoreError};
use crate::domain::email::Email;

/// How many rows are read at once.
const BATCH: i64 = 1_000;
/// How many user ids are listed.
const LISTED: usize = 100;

/// Users whose addresses need an administrator.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Troubled {
    pub total: usize,
    /// The first of them by id.
    pub ids: Vec<i64>,
}

impl Troubled {
    fn add(&mut self, id: i64) {
        self.total = self.total.saturating_add(1);
        if self.ids.len() < LISTED {
            self.ids.push(id);
        }
    }
}

/// Converts the addresses; returns the users whose address is left because its new form is taken.
pub(super) fn convert(db: &mut Db) -> Result<Troubled, StoreError> {
    let mut left = Troubled::default();
    walk(db, |db, id, stored, key| {
        let Ok(email) = Email::parse(stored) else { return Ok(()) };
        let (converted, normalized) = (email.with_ascii_domain(), email.normalized());
        if converted.as_str() == stored && normalized == key {
            return Ok(());
        }
        let as_read = users::table.filter(users::id.eq(id)).filter(users::email.eq(stored));
        let changes = (users::email.eq(converted.as_str()), users::email_key.eq(normalized));
        match diesel::update(as_read).set(changes).execute(db).map_err(StoreError::from) {
            Err(StoreError::UniqueViolation) => left.add(id),
            updated => drop(updated?),
        }
        Ok(())
    })?;
    Ok(left)
}

/// The users to whom no mail can be sent, or who cannot be found by their address.
pub fn troubled(db: &mut Db) -> Result<Troubled, StoreError> {
    let mut found = Troubled::default();
    walk(db, |_, id, stored, key| {
        let good = Email::parse(stored).is_ok_and(|email| email.is_mailable() && email.normalized() == key);
        if !good {
            found.add(id);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Calls `f` with id, address and key of every user, by id.
fn walk(db: &mut Db, mut f: impl FnMut(&mut Db, i64, &str, &str) -> Result<(), StoreError>) -> Result<(), StoreError> {
    let mut last = 0;
    loop {
        let rows: Vec<(i64, String, String)> = users::table
            .filter(users::id.gt(last))
            .order(users::id)
            .select((users::id, users::email, users::email_key))
            .limit(BATCH)
            .load(db)?;
        let Some((newest, ..)) = rows.last() else { return Ok(()) };
        last = *newest;
        for (id, email, key) in &rows {
            f(db, *id, email, key)?;
        }
    }
}
