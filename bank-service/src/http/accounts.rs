//! `/api/accounts`, and the accounts below `/api/banks/{bank_id}` and `/api/clients/{client_id}`.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::envelope::{self, ItemBody};
use service_kit::http::fields::{Body, PathId};
use service_kit::http::paging::ListBody;
use service_kit::http::problem::Problem;
use shared_events::{AccountId, BankId, ClientId};

use super::account_bodies::{
    ForBank, ForClient, Free, OpenAccountAnywhere, OpenAccountAtBank, OpenAccountOfClient, OpenedBy,
    UpdateAccountRequest,
};
use super::actor::Actor;
use super::idempotency::idempotency_key;
use super::request_bodies::may_set;
use super::responses::created;
use super::{AppState, lists, responses};
use crate::domain::account::Account;
use crate::domain::policy::Action;
use crate::operations::accounts::{self, OpenAccount};
use crate::store::accounts::{FILTERS, Parent};

/// List the accounts that the caller may see
#[utoipa::path(get, path = "/api/accounts", tag = "accounts",
    responses((status = 200, description = "A page", body = ListBody<Account>)))]
pub(super) async fn list_accounts(
    state: web::Data<AppState>,
    actor: Actor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    list(&state, &actor, &request, None).await
}

/// List the accounts at a bank that the caller may see
#[utoipa::path(get, path = "/api/banks/{bank_id}/accounts", tag = "accounts",
    responses((status = 200, description = "A page", body = ListBody<Account>)))]
pub(super) async fn list_accounts_of_bank(
    state: web::Data<AppState>,
    actor: Actor,
    bank: PathId<BankId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    list(&state, &actor, &request, Some(Parent::Bank(bank.0))).await
}

/// List the accounts of a client
#[utoipa::path(get, path = "/api/clients/{client_id}/accounts", tag = "accounts",
    responses((status = 200, description = "A page", body = ListBody<Account>)))]
pub(super) async fn list_accounts_of_client(
    state: web::Data<AppState>,
    actor: Actor,
    client: PathId<ClientId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    list(&state, &actor, &request, Some(Parent::Client(client.0))).await
}

async fn list(
    state: &AppState,
    actor: &Actor,
    request: &HttpRequest,
    parent: Option<Parent>,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::ListAccounts)?;
    lists::list(state, request, FILTERS, move |db, query| accounts::list_accounts(db, scope, parent, query)).await
}

/// Read an account
#[utoipa::path(get, path = "/api/accounts/{id}", tag = "accounts",
    responses((status = 200, description = "The account", body = Account)))]
pub(super) async fn read_account(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<AccountId>,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::ReadAccount)?;
    let account = accounts::find_account(&state.store, scope, id.0).await?;
    Ok(responses::item(&account, account.version))
}

/// Open an account of a client at a bank
#[utoipa::path(post, path = "/api/accounts", tag = "accounts", request_body = OpenAccountAnywhere,
    responses((status = 201, description = "The new account", body = ItemBody<Account>)))]
pub(super) async fn open_account(
    state: web::Data<AppState>,
    actor: Actor,
    request: HttpRequest,
    body: Body<OpenAccountAnywhere>,
) -> Result<HttpResponse, Problem> {
    open(&state, &actor, &request, body.0.into_command(&Free)?, &Free).await
}

/// Open an account at this bank; of the caller's own client, unless another is named
#[utoipa::path(post, path = "/api/banks/{bank_id}/accounts", tag = "accounts", request_body = OpenAccountAtBank,
    responses((status = 201, description = "The new account", body = ItemBody<Account>)))]
pub(super) async fn open_account_at_bank(
    state: web::Data<AppState>,
    actor: Actor,
    bank: PathId<BankId>,
    request: HttpRequest,
    body: Body<OpenAccountAtBank>,
) -> Result<HttpResponse, Problem> {
    let place = ForBank(bank.0);
    open(&state, &actor, &request, body.0.into_command(&place)?, &place).await
}

/// Open an account of this client
#[utoipa::path(post, path = "/api/clients/{client_id}/accounts", tag = "accounts", request_body = OpenAccountOfClient,
    responses((status = 201, description = "The new account", body = ItemBody<Account>)))]
pub(super) async fn open_account_of_client(
    state: web::Data<AppState>,
    actor: Actor,
    client: PathId<ClientId>,
    request: HttpRequest,
    body: Body<OpenAccountOfClient>,
) -> Result<HttpResponse, Problem> {
    let place = ForClient(client.0);
    open(&state, &actor, &request, body.0.into_command(&place)?, &place).await
}

async fn open<P: OpenedBy>(
    state: &AppState,
    actor: &Actor,
    request: &HttpRequest,
    command: OpenAccount,
    place: &P,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::CreateAccount)?;
    may_set(state, scope, Some(command.balance).filter(|balance| balance.minor() > 0))?;
    let key = idempotency_key(request, state, Some(actor.user_id))?;
    let (ctx, of_balance) = (state.ctx(actor.user_id), key.clone());
    let open = move |db: &mut _, ctx: &_| accounts::open_account(db, ctx, scope, &command, of_balance.as_ref());
    let opened = state.create(&ctx, key, open).await.map_err(|error| place.problem(error))?;
    Ok(created(opened, "/api/accounts"))
}

/// Set an account's balance, or the limit of its overdraft
#[utoipa::path(put, path = "/api/accounts/{id}", tag = "accounts", request_body = UpdateAccountRequest,
    responses((status = 200, description = "The account as it is now", body = ItemBody<Account>)))]
pub(super) async fn update_account(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<AccountId>,
    request: HttpRequest,
    body: Body<UpdateAccountRequest>,
) -> Result<HttpResponse, Problem> {
    let (PathId(id), UpdateAccountRequest(wanted)) = (id, body.0);
    // Each field that is named is judged by itself: the limit is for staff to set.
    let scope = match (wanted.balance, wanted.overdraft_limit) {
        (None, Some(_)) => actor.may(Action::MoveOutside)?,
        (Some(_), Some(_)) => actor.may(Action::MoveOutside).and_then(|_| actor.may(Action::UpdateAccount))?,
        (_, None) => actor.may(Action::UpdateAccount)?,
    };
    may_set(&state, scope, wanted.balance)?;
    let expected = responses::expected(&request)?;
    let update = move |db: &mut _, ctx: &_| accounts::update_account(db, ctx, scope, id, wanted, &expected);
    let account = state.write(actor.user_id, update).await?;
    Ok(responses::updated(&account, account.version))
}

/// Close an account, with its cards
#[utoipa::path(delete, path = "/api/accounts/{id}", tag = "accounts",
    responses((status = 200, description = "The account as it was", body = ItemBody<Account>)))]
pub(super) async fn close_account(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<AccountId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::DeleteAccount)?;
    let (PathId(id), expected) = (id, responses::expected(&request)?);
    let account =
        state.write(actor.user_id, move |db, ctx| accounts::close_account(db, ctx, scope, id, &expected)).await?;
    Ok(envelope::deleted(&account))
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/accounts").route(web::get().to(list_accounts)).route(web::post().to(open_account)))
        .service(
            web::resource("/api/banks/{bank_id}/accounts")
                .route(web::get().to(list_accounts_of_bank))
                .route(web::post().to(open_account_at_bank)),
        )
        .service(
            web::resource("/api/clients/{client_id}/accounts")
                .route(web::get().to(list_accounts_of_client))
                .route(web::post().to(open_account_of_client)),
        )
        .service(
            web::resource("/api/accounts/{id}")
                .route(web::get().to(read_account))
                .route(web::put().to(update_account))
                .route(web::delete().to(close_account)),
        );
}

/// The routes' part of the OpenAPI document.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    list_accounts,
    list_accounts_of_bank,
    list_accounts_of_client,
    read_account,
    open_account,
    open_account_at_bank,
    open_account_of_client,
    update_account,
    close_account
))]
pub(super) struct Document;
