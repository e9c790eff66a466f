//! The work that the handlers of items with an id and a unique name share: banks, cities, social statuses. Each has its own module
//! for its handlers, which check the caller's right first.

use actix_web::{HttpRequest, HttpResponse};
use service_kit::http::envelope;
use service_kit::http::fields::Body;
use service_kit::http::problem::Problem;

use super::actor::Actor;
use super::idempotency::idempotency_key;
use super::request_bodies::{NameRequest, RenameRequest};
use super::{AppState, lists, responses};
use crate::domain::name::Name;
use crate::domain::version::Expected;
use crate::operations::named::{self, NamingError};
use crate::store::named::{FILTERS, NamedItem};
use crate::store::{Created, Ctx, Db, OperationError, Outcome};

/// The operations that each kind of item has in a module of its own.
type Create<I> = fn(&mut Db, &Ctx, &Name) -> Result<Outcome<I>, NamingError>;
type Rename<I> = fn(&mut Db, &Ctx, <I as NamedItem>::Id, Option<&Name>, &Expected) -> Result<Outcome<I>, NamingError>;
type Delete<I, E> = fn(&mut Db, &Ctx, <I as NamedItem>::Id, &Expected) -> Result<Outcome<I>, E>;

pub(super) async fn list<I: NamedItem>(state: &AppState, request: &HttpRequest) -> Result<HttpResponse, Problem> {
    lists::list(state, request, FILTERS, named::list::<I>).await
}

pub(super) async fn read<I: NamedItem>(state: &AppState, id: I::Id) -> Result<HttpResponse, Problem> {
    let found = state.store.read(move |db| named::find::<I>(db, id)).await?;
    Ok(responses::item(&found, found.version()))
}

pub(super) async fn create<I: NamedItem>(
    state: &AppState,
    actor: &Actor,
    request: &HttpRequest,
    Body(NameRequest(name)): Body<NameRequest>,
    create: Create<I>,
) -> Result<Created, Problem> {
    let key = idempotency_key(request, state, Some(actor.user_id))?;
    let ctx = state.ctx(actor.user_id);
    Ok(state.create(&ctx, key, move |db, ctx| create(db, ctx, &name)).await?)
}

pub(super) async fn rename<I: NamedItem>(
    state: &AppState,
    actor: &Actor,
    request: &HttpRequest,
    id: I::Id,
    Body(RenameRequest(name)): Body<RenameRequest>,
    rename: Rename<I>,
) -> Result<HttpResponse, Problem> {
    let expected = responses::expected(request)?;
    let renamed = state.write(actor.user_id, move |db, ctx| rename(db, ctx, id, name.as_ref(), &expected)).await?;
    Ok(responses::updated(&renamed, renamed.version()))
}

pub(super) async fn delete<I: NamedItem, E: OperationError>(
    state: &AppState,
    actor: &Actor,
    request: &HttpRequest,
    id: I::Id,
    delete: Delete<I, E>,
) -> Result<HttpResponse, Problem>
where
    Problem: From<E>,
{
    let expected = responses::expected(request)?;
    let deleted = state.write(actor.user_id, move |db, ctx| delete(db, ctx, id, &expected)).await?;
    Ok(envelope::deleted(&deleted))
}
