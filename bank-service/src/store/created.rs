//! Turns an operation into the work of its transaction.

use super::idempotency;
use super::idempotency_key::{IdempotencyError, IdempotencyKey};
use super::outbox;
use super::outcome::Effects;
use super::work::WithRows;
use super::{Ctx, Db, OperationError, Outcome, StoreError};

/// The response to a create request, as its complete JSON body: made now, or stored under the same `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    pub body: String,
    pub replayed: bool,
}

/// Writes the response body for an item.
pub type BodyOf<T> = fn(&T) -> serde_json::Result<String>;

/// Runs an operation; returns its value, what follows from its events, and their outbox rows.
pub(super) fn with_rows<T, E, F>(ctx: &Ctx, f: F) -> impl Fn(&mut Db) -> WithRows<(T, Effects), E> + use<T, E, F>
where
    E: From<StoreError>,
    F: Fn(&mut Db, &Ctx) -> Result<Outcome<T>, E>,
{
    let ctx = ctx.clone();
    move |db| {
        let Outcome { value, events } = f(db, &ctx)?;
        let mut effects = Effects::default();
        effects.add(&events);
        Ok(((value, effects), outbox::rows(&ctx, &events)?))
    }
}

/// Runs an operation that creates an item, and stores the response to its request.
pub(super) fn create<T, E>(
    key: Option<IdempotencyKey>,
    body_of: BodyOf<T>,
    f: impl Fn(&mut Db, &Ctx) -> Result<Outcome<T>, E>,
) -> impl Fn(&mut Db, &Ctx) -> Result<Outcome<Created>, E>
where
    E: OperationError + From<IdempotencyError>,
{
    move |db, ctx| {
        if let Some(key) = &key
            && let Some(body) = idempotency::find::<E>(db, ctx, key)?
        {
            return Ok(Outcome::new(Created { body, replayed: true }));
        }
        let outcome = f(db, ctx).or_else(|error| refused(db, ctx, key.as_ref(), error))?;
        let body = body_of(&outcome.value).map_err(|_| StoreError::Corrupt { what: "a response" })?;
        if let Some(key) = &key {
            idempotency::remember(db, ctx, key, &body)?;
        }
        Ok(outcome.map(|_| Created { body, replayed: false }))
    }
}

/// A retry may be refused because of its own first attempt, which has just committed: the name is taken, by that attempt. Then
/// the transaction starts over and finds the stored response.
fn refused<T, E>(db: &mut Db, ctx: &Ctx, key: Option<&IdempotencyKey>, error: E) -> Result<T, E>
where
    E: OperationError + From<IdempotencyError>,
{
    let is_refusal = matches!(error.store_error(), None | Some(StoreError::UniqueViolation));
    match key {
        Some(key) if is_refusal && idempotency::find::<E>(db, ctx, key)?.is_some() => {
            Err(StoreError::Serialization.into())
        }
        _ => Err(error),
    }
}
