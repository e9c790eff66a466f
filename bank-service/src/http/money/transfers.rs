//! `/api/transfers`, and deposits to and withdrawals from an account.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::fields::{Body, PathId};
use service_kit::http::paging::{IdKind, ListBody, ListQuery, Listing, respond};
use service_kit::http::problem::{ErrorCode, Problem};
use shared_events::AccountId;

use super::answers::{PostedBody, TransferView};
use super::bodies::{CaptureBody, OutsideBody, ReverseBody, TransferBody, VoidBody, debited};
use super::keys::transfer_key;
use super::moving::{self, Mover};
use crate::domain::ledger::{LedgerAccount, LedgerId, Refusal, Transfer, TransferId, TransferKind};
use crate::domain::policy::{Action, Scope};
use crate::http::actor::Actor;
use crate::http::lists::PAGE_SIZE;
use crate::http::optional_body::read_optional;
use crate::http::state::AppState;
use crate::http::stored_faults::given;
use crate::operations::errors::FindError;
use crate::operations::ledger::{self, Command, Posted, TransferError};
use crate::store::StoreError;
use crate::store::ledger::{Placed, TRANSFER_FILTERS, sides_of};

/// Move money, or hold it to be moved
#[utoipa::path(post, path = "/api/transfers", tag = "money", request_body = TransferBody,
    responses((status = 201, description = "The transfer", body = PostedBody)))]
pub(super) async fn create_transfer(
    state: web::Data<AppState>,
    actor: Actor,
    request: HttpRequest,
    body: Result<Body<TransferBody>, Problem>,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::CreateTransfer)?;
    let mover = mover(&actor, scope);
    let order = match body {
        Ok(Body(TransferBody(order))) => order,
        Err(fault) => return Err(first_fault(&state, mover, &request, fault).await?),
    };
    let key = transfer_key(&request, &state, actor.user_id)?;
    Ok(created(&moving::transfer(&state, mover, key, order).await?, scope))
}

/// The faults of a body, unless it debits what is not the caller's: that comes before all others.
async fn first_fault(
    state: &AppState,
    mover: Mover,
    request: &HttpRequest,
    fault: Problem,
) -> Result<Problem, Problem> {
    if fault.code() == ErrorCode::ValidationFailed
        && let Some(from) = debited(&given(request))
    {
        moving::check_debited(state, mover, from).await?;
    }
    Ok(fault)
}

/// Move what is held, or less
#[utoipa::path(post, path = "/api/transfers/{id}/capture", tag = "money", request_body = Option<CaptureBody>,
    responses((status = 201, description = "The transfer that moved it", body = PostedBody)))]
pub(super) async fn capture_transfer(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<TransferId>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::CaptureTransfer)?;
    let CaptureBody { amount } = read_optional(&request, body)?;
    let key = transfer_key(&request, &state, actor.user_id)?;
    let command = moving::capture(id.0, amount);
    Ok(created(&moving::post(&state, mover(&actor, scope), key, command).await?, scope))
}

/// Give up a hold
#[utoipa::path(post, path = "/api/transfers/{id}/void", tag = "money",
    responses((status = 200, description = "The hold", body = PostedBody)))]
pub(super) async fn void_transfer(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<TransferId>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::VoidTransfer)?;
    let VoidBody = read_optional(&request, body)?;
    let key = transfer_key(&request, &state, actor.user_id)?;
    let posted = moving::void(&state, mover(&actor, scope), key, id.0).await?;
    Ok(HttpResponse::Ok().json(PostedBody::updated(&posted, scope == Scope::All)))
}

/// Give money back
#[utoipa::path(post, path = "/api/transfers/{id}/reverse", tag = "money", request_body = ReverseBody,
    responses((status = 201, description = "The transfer that gave it back", body = PostedBody)))]
pub(super) async fn reverse_transfer(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<TransferId>,
    request: HttpRequest,
    body: Body<ReverseBody>,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::ReverseTransfer)?;
    let key = transfer_key(&request, &state, actor.user_id)?;
    let command = moving::reversal(id.0, body.0);
    Ok(created(&moving::reverse(&state, mover(&actor, scope), key, command).await?, scope))
}

/// Credit money that came from outside
#[utoipa::path(post, path = "/api/accounts/{id}/deposits", tag = "money", request_body = OutsideBody,
    responses((status = 201, description = "The deposit", body = PostedBody)))]
pub(super) async fn create_deposit(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<AccountId>,
    request: HttpRequest,
    body: Body<OutsideBody>,
) -> Result<HttpResponse, Problem> {
    outside(&state, &actor, &request, id.0, TransferKind::Deposit, body.0).await
}

/// Debit money that goes outside
#[utoipa::path(post, path = "/api/accounts/{id}/withdrawals", tag = "money", request_body = OutsideBody,
    responses((status = 201, description = "The withdrawal", body = PostedBody)))]
pub(super) async fn create_withdrawal(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<AccountId>,
    request: HttpRequest,
    body: Body<OutsideBody>,
) -> Result<HttpResponse, Problem> {
    outside(&state, &actor, &request, id.0, TransferKind::Withdrawal, body.0).await
}

async fn outside(
    state: &AppState,
    actor: &Actor,
    request: &HttpRequest,
    account: AccountId,
    kind: TransferKind,
    body: OutsideBody,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::MoveOutside)?;
    let key = transfer_key(request, state, actor.user_id)?;
    let OutsideBody { amount, text } = body;
    let command = Command::Outside { kind, account: LedgerId::of_account(account), amount, text };
    let posted = moving::post(state, mover(actor, scope), key, command).await.map_err(|error| match error {
        // The path names it.
        TransferError::Refused(Refusal::NoSuchRecipient) => TransferError::Refused(scope.missing("account").into()),
        error => error,
    });
    Ok(created(&posted?, scope))
}

fn mover(actor: &Actor, scope: Scope) -> Mover {
    Mover { user_id: actor.user_id, scope }
}

fn created(posted: &Posted, scope: Scope) -> HttpResponse {
    let body = PostedBody::created(posted, scope == Scope::All);
    HttpResponse::Created().insert_header((LOCATION, format!("/api/transfers/{}", posted.transfer.id))).json(body)
}

/// Read a transfer
#[utoipa::path(get, path = "/api/transfers/{id}", tag = "money",
    responses((status = 200, description = "The transfer", body = TransferView)))]
pub(super) async fn read_transfer(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<TransferId>,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::ReadTransfer)?;
    Ok(HttpResponse::Ok().json(find_transfer(&state, scope, id.0).await?))
}

/// A transfer as a caller of this scope sees it.
pub(crate) async fn find_transfer(state: &AppState, scope: Scope, id: TransferId) -> Result<TransferView, Problem> {
    let found = state.store.read(move |db| ledger::find_transfer(db, scope, id)).await?;
    Ok(view_of(&found.transfer, &found.sides, scope, found.event_id.as_deref()))
}

fn view_of(transfer: &Transfer, sides: &[LedgerAccount], scope: Scope, event_id: Option<&str>) -> TransferView {
    let view = TransferView::new(transfer, sides);
    if scope == Scope::All { view.for_staff(transfer, event_id) } else { view }
}

/// List the transfers from or to what the caller may see, the newest first
#[utoipa::path(get, path = "/api/transfers", tag = "money",
    responses((status = 200, description = "A page", body = ListBody<TransferView>)))]
pub(super) async fn list_transfers(
    state: web::Data<AppState>,
    actor: Actor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::ReadTransfer)?;
    let (path, text) = (request.path(), request.query_string());
    let query = ListQuery::parse_of(IdKind::Uuid, path, text, PAGE_SIZE, TRANSFER_FILTERS)?;
    let listing = page_of_transfers(&state, scope, &query).await?;
    respond(path, &query, listing)
}

/// A page of transfers as a caller of this scope sees them, the newest first.
pub(crate) async fn page_of_transfers(
    state: &AppState,
    scope: Scope,
    query: &ListQuery,
) -> Result<Listing<TransferView>, Problem> {
    let requested = query.clone();
    let listing = state.store.read(move |db| {
        let listing = ledger::list_transfers(db, scope, &requested)?;
        let sides = sides_of(db, &listing.rows)?;
        let view =
            |placed: Placed| Ok::<_, StoreError>(view_of(&placed.transfer, &sides, scope, placed.event_id.as_deref()));
        listing.try_map(view).map_err(Into::into)
    });
    Ok(listing.await.map_err(|error: FindError| error)?)
}

impl From<TransferError> for Problem {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::Refused(error) => error.into(),
            TransferError::Idempotency(error) => error.into(),
            TransferError::Store(error) => error.into(),
        }
    }
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(
        web::resource("/api/transfers").route(web::get().to(list_transfers)).route(web::post().to(create_transfer)),
    )
    .service(web::resource("/api/transfers/{id}").route(web::get().to(read_transfer)))
    .service(web::resource("/api/transfers/{id}/capture").route(web::post().to(capture_transfer)))
    .service(web::resource("/api/transfers/{id}/void").route(web::post().to(void_transfer)))
    .service(web::resource("/api/transfers/{id}/reverse").route(web::post().to(reverse_transfer)))
    .service(web::resource("/api/accounts/{id}/deposits").route(web::post().to(create_deposit)))
    .service(web::resource("/api/accounts/{id}/withdrawals").route(web::post().to(create_withdrawal)));
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(
    create_transfer,
    capture_transfer,
    void_transfer,
    reverse_transfer,
    create_deposit,
    create_withdrawal,
    read_transfer,
    list_transfers
))]
pub(super) struct Document;
