//! The operations that banks, cities and social statuses share: items with an id and a unique name. Each has its own module for
//! its operations and events.

use service_kit::http::paging::{ListQuery, Listing};

use super::errors::{FindError, Stale, check_version, found, written};
use crate::domain::name::Name;
use crate::domain::policy::{OutOfScope, Scope};
use crate::domain::version::Expected;
use crate::store::named::NamedItem;
use crate::store::{Ctx, Db, IdempotencyError, Outcome, PendingEvent, StoreError, former_names};

/// Why a name was not set.
#[derive(Debug, thiserror::Error)]
pub enum NamingError {
    #[error("the name is taken")]
    NameTaken,
    #[error(transparent)]
    OutOfScope(#[from] OutOfScope),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// Why an item that others may refer to was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// The kind of items that refer to it, in the plural.
    #[error("it is referred to by {by}")]
    InUse { by: &'static str },
    #[error(transparent)]
    OutOfScope(#[from] OutOfScope),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

crate::operation_errors!(NamingError, RemoveError);

pub fn find<I: NamedItem>(db: &mut Db, id: I::Id) -> Result<I, FindError> {
    Ok(found(I::find(db, id)?, Scope::All, I::WHAT)?)
}

pub fn list<I: NamedItem>(db: &mut Db, query: &ListQuery) -> Result<Listing<I>, FindError> {
    Ok(I::list(db, query)?)
}

pub(super) fn create<I: NamedItem>(
    db: &mut Db,
    ctx: &Ctx,
    name: &Name,
    event: impl FnOnce(&I) -> PendingEvent,
) -> Result<Outcome<I>, NamingError> {
    let item = I::new(ctx.next_id()?, name.clone(), 1);
    item.insert(db).map_err(name_taken)?;
    Ok(with_event(item, event))
}

/// An unchanged name writes nothing and emits no event.
pub(super) fn rename<I: NamedItem>(
    db: &mut Db,
    ctx: &Ctx,
    id: I::Id,
    name: Option<&Name>,
    expected: &Expected,
    event: impl FnOnce(&I) -> PendingEvent,
) -> Result<Outcome<I>, NamingError> {
    let before = found(I::find(db, id)?, Scope::All, I::WHAT)?;
    check_version(expected, before.version())?;
    let Some(name) = name.filter(|name| *name != before.name()) else { return Ok(Outcome::new(before)) };
    let item = I::new(id, name.clone(), before.version().saturating_add(1));
    written(item.update(db).map_err(name_taken)?)?;
    if let Some(party) = before.party() {
        former_names::keep(db, ctx, party, before.name())?;
    }
    Ok(with_event(item, event))
}

/// Removes an item; the database rejects it if others refer to it.
pub(super) fn remove<I: NamedItem>(
    db: &mut Db,
    id: I::Id,
    expected: &Expected,
    by: &'static str,
    event: impl FnOnce(&I) -> PendingEvent,
) -> Result<Outcome<I>, RemoveError> {
    let item = found(I::find(db, id)?, Scope::All, I::WHAT)?;
    check_version(expected, item.version())?;
    match item.delete(db) {
        Err(StoreError::ForeignKeyViolation) => Err(RemoveError::InUse { by }),
        deleted => {
            written(deleted?)?;
            Ok(with_event(item, event))
        }
    }
}

fn with_event<I>(item: I, event: impl FnOnce(&I) -> PendingEvent) -> Outcome<I> {
    let event = event(&item);
    Outcome::new(item).events([event])
}

fn name_taken(error: StoreError) -> NamingError {
    match error {
        StoreError::UniqueViolation => NamingError::NameTaken,
        error => NamingError::Store(error),
    }
}
