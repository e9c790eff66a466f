//! Clients. A user has at most one client; deleting it deletes its accounts and cards.

use service_kit::http::paging::{ListQuery, Listing};
use shared_events::events::{self, ClientCreated, ClientDeleted, ClientUpdated};
use shared_events::{ClientId, SocialStatusId, UserId};

use super::cascade;
use super::errors::{CloseError, FindError, Stale, check_version, found, retry_if_referred_to, written};
use super::ledger::caller;
use crate::domain::client::Client;
use crate::domain::name::Name;
use crate::domain::policy::{OutOfScope, Scope};
use crate::domain::social_status::SocialStatus;
use crate::domain::version::Expected;
use crate::store::accounts::Parent;
use crate::store::former_names::{self, Party};
use crate::store::named::NamedItem;
use crate::store::{self, Ctx, Db, IdempotencyError, Outcome, StoreError};

const WHAT: &str = "client";

/// The data of a new client.
#[derive(Debug, Clone)]
pub struct CreateClient {
    pub name: Name,
    pub social_status_id: Option<SocialStatusId>,
    pub user_id: UserId,
}

/// The changes to a client; fields not given stay.
#[derive(Debug, Clone, Default)]
pub struct UpdateClient {
    pub name: Option<Name>,
    /// Inner `None`: removes the social status.
    pub social_status_id: Option<Option<SocialStatusId>>,
}

/// A missing item that a client refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    User,
    SocialStatus,
}

/// Why a client was not written.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error(transparent)]
    OutOfScope(#[from] OutOfScope),
    #[error("the user is a client already")]
    ClientExists,
    #[error("it refers to what is not there: {0:?}")]
    Unknown(Vec<Unknown>),
    #[error(transparent)]
    Stale(#[from] Stale),
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    #[error("the store failed")]
    Store(#[from] StoreError),
}

crate::operation_errors!(ClientError);

pub fn find_client(db: &mut Db, scope: Scope, id: ClientId) -> Result<Client, FindError> {
    Ok(found(store::clients::find(db, scope, id)?, scope, WHAT)?)
}

/// A page of all clients; for staff.
pub fn list_clients(db: &mut Db, query: &ListQuery) -> Result<Listing<Client>, FindError> {
    Ok(store::clients::list(db, query)?)
}

pub fn create_client(
    db: &mut Db,
    ctx: &Ctx,
    scope: Scope,
    command: &CreateClient,
) -> Result<Outcome<Client>, ClientError> {
    let CreateClient { name, social_status_id, user_id } = command.clone();
    if !scope.covers(user_id) {
        return Err(scope.missing("user").into());
    }
    if store::clients::find_by_user(db, user_id)?.is_some() {
        return Err(ClientError::ClientExists);
    }
    if !is_social_status(db, social_status_id)? {
        let user = store::users::find(db, user_id)?.is_none().then_some(Unknown::User);
        return Err(ClientError::Unknown(user.into_iter().chain([Unknown::SocialStatus]).collect()));
    }
    let client = Client { id: ctx.next_id()?, name, social_status_id, user_id, version: 1 };
    store::clients::insert(db, &client).map_err(|error| match error {
        StoreError::UniqueViolation => ClientError::ClientExists,
        StoreError::ForeignKeyViolation => ClientError::Unknown(vec![Unknown::User]),
        error => ClientError::Store(error),
    })?;
    let event = ClientCreated(events::Client::from(&client));
    Ok(Outcome::new(client).event(&event))
}

/// An update without a change writes nothing and emits no event.
pub fn update_client(
    db: &mut Db,
    ctx: &Ctx,
    scope: Scope,
    id: ClientId,
    command: &UpdateClient,
    expected: &Expected,
) -> Result<Outcome<Client>, ClientError> {
    let before = found(store::clients::find(db, scope, id)?, scope, WHAT)?;
    check_version(expected, before.version)?;
    let mut client = before.clone();
    client.name = command.name.clone().unwrap_or(client.name);
    client.social_status_id = command.social_status_id.unwrap_or(client.social_status_id);
    if client == before {
        return Ok(Outcome::new(client));
    }
    if !is_social_status(db, client.social_status_id)? {
        return Err(ClientError::Unknown(vec![Unknown::SocialStatus]));
    }
    client.version = client.version.saturating_add(1);
    written(store::clients::update(db, &client).map_err(retry_if_referred_to)?)?;
    if client.name != before.name {
        former_names::keep(db, ctx, Party::Client(id), &before.name)?;
    }
    let event = ClientUpdated(events::Client::from(&client));
    Ok(Outcome::new(client).event(&event))
}

/// Deletes a client with its accounts and their cards.
pub fn delete_client(
    db: &mut Db,
    ctx: &Ctx,
    scope: Scope,
    id: ClientId,
    expected: &Expected,
) -> Result<Outcome<Client>, CloseError> {
    let client = found(store::clients::find(db, scope, id)?, scope, WHAT)?;
    check_version(expected, client.version)?;
    let accounts = cascade::delete_accounts(db, ctx, caller(ctx, scope), Parent::Client(id))?;
    written(store::clients::delete(db, &client).map_err(retry_if_referred_to)?)?;
    former_names::keep(db, ctx, Party::Client(id), &client.name)?;
    let event = ClientDeleted(events::Client::from(&client));
    Ok(Outcome::new(client).events(accounts).event(&event))
}

/// Whether there is such a social status; none is always right.
fn is_social_status(db: &mut Db, status: Option<SocialStatusId>) -> Result<bool, StoreError> {
    let Some(status) = status else { return Ok(true) };
    Ok(SocialStatus::find(db, status)?.is_some())
}
