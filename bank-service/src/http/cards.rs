//! `/api/accounts/{account_id}/cards`, `/api/cards`, and a card at `/api/accounts/cards/{id}` too.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::envelope::{self, ItemBody, created_body};
use service_kit::http::fields::{Body, Fields, FromFields, PathId, parse};
use service_kit::http::paging::ListBody;
use service_kit::http::problem::Problem;
use service_kit::request_schema;
use shared_events::{AccountId, CardId};

use super::actor::Actor;
use super::idempotency::idempotency_key;
use super::request_bodies::{balance, may_set};
use super::responses::created;
use super::{AppState, lists, responses};
use crate::domain::balance::Balance;
use crate::domain::card::{Card, NewCard};
use crate::domain::policy::Action;
use crate::operations::cards::{self, UpdateCard};
use crate::operations::ledger::IssueCard;
use crate::store::cards::FILTERS;

#[derive(Debug)]
pub(super) struct IssueCardRequest {
    balance: Balance,
}

impl FromFields for IssueCardRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&["id"]);
        let account_id = parse::id::<AccountId>().described("The one in the path, if it is given.").example(1);
        let account_id = fields.optional_as_in_path("account_id", account_id);
        let about = "In the minor unit of the account's currency; 0 if it is not given.";
        let balance = fields.optional("balance", balance().described(about));
        account_id?;
        Some(Self { balance: balance?.unwrap_or_default() })
    }
}

request_schema!(IssueCardRequest as "IssueCardBody", "A card to be issued.");

impl FromFields for UpdateCard {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&["id", "account_id", "held", "available"]);
        let about = "In the minor unit of the account's currency.";
        let balance = fields.optional("balance", balance().described(about));
        Some(Self { balance: balance? })
    }
}

request_schema!(UpdateCard as "BalanceBody", "`{\"balance\": 520}`");

/// List the cards that the caller may see
#[utoipa::path(get, path = "/api/cards", tag = "cards",
    responses((status = 200, description = "A page", body = ListBody<Card>)))]
pub(super) async fn list_cards(
    state: web::Data<AppState>,
    actor: Actor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::ListCards)?;
    lists::list(&state, &request, FILTERS, move |db, query| cards::list_cards(db, scope, None, query)).await
}

/// List the cards of an account
#[utoipa::path(get, path = "/api/accounts/{account_id}/cards", tag = "cards",
    responses((status = 200, description = "A page", body = ListBody<Card>)))]
pub(super) async fn list_cards_of_account(
    state: web::Data<AppState>,
    actor: Actor,
    account: PathId<AccountId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::ListCards)?;
    let account = Some(account.0);
    lists::list(&state, &request, FILTERS, move |db, query| cards::list_cards(db, scope, account, query)).await
}

/// Read a card
#[utoipa::path(get, path = "/api/cards/{id}", tag = "cards",
    responses((status = 200, description = "The card", body = Card)))]
pub(super) async fn read_card(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<CardId>,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::ReadCard)?;
    let card = cards::find_card(&state.store, scope, id.0).await?;
    Ok(responses::item(&card, card.version))
}

/// Issue a card for an account
#[utoipa::path(post, path = "/api/accounts/{account_id}/cards", tag = "cards", request_body = IssueCardRequest,
    responses((status = 201, description = "The new card", body = ItemBody<Card>)))]
pub(super) async fn issue_card(
    state: web::Data<AppState>,
    actor: Actor,
    account: PathId<AccountId>,
    request: HttpRequest,
    body: Body<IssueCardRequest>,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::CreateCard)?;
    let (PathId(account), Body(IssueCardRequest { balance })) = (account, body);
    may_set(&state, scope, Some(balance).filter(|balance| balance.minor() > 0))?;
    let key = idempotency_key(&request, &state, Some(actor.user_id))?;
    let ctx = state.ctx(actor.user_id);
    let card = IssueCard { ctx, scope, wanted: NewCard::new(account, balance), key, body_of: created_body };
    Ok(created(state.ledger.issue_card(card).await?, "/api/cards"))
}

/// Set a card's balance
#[utoipa::path(put, path = "/api/cards/{id}", tag = "cards", request_body = UpdateCard,
    responses((status = 200, description = "The card as it is now", body = ItemBody<Card>)))]
pub(super) async fn update_card(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<CardId>,
    request: HttpRequest,
    body: Body<UpdateCard>,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::UpdateCard)?;
    let (PathId(id), Body(command)) = (id, body);
    may_set(&state, scope, command.balance)?;
    let expected = responses::expected(&request)?;
    let update = move |db: &mut _, ctx: &_| cards::update_card(db, ctx, scope, id, &command, &expected);
    let card = state.write(actor.user_id, update).await?;
    Ok(responses::updated(&card, card.version))
}

/// Cancel a card
#[utoipa::path(delete, path = "/api/cards/{id}", tag = "cards",
    responses((status = 200, description = "The card as it was", body = ItemBody<Card>)))]
pub(super) async fn cancel_card(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<CardId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::DeleteCard)?;
    let (PathId(id), expected) = (id, responses::expected(&request)?);
    let card = state.write(actor.user_id, move |db, ctx| cards::cancel_card(db, ctx, scope, id, &expected)).await?;
    Ok(envelope::deleted(&card))
}

/// `/api/accounts/cards/{id}` has as many parts as `/api/accounts/{account_id}/cards`: they differ by the fixed ones.
pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    for path in ["/api/cards/{id}", "/api/accounts/cards/{id}"] {
        cfg.service(
            web::resource(path)
                .route(web::get().to(read_card))
                .route(web::put().to(update_card))
                .route(web::delete().to(cancel_card)),
        );
    }
    cfg.service(web::resource("/api/cards").route(web::get().to(list_cards))).service(
        web::resource("/api/accounts/{account_id}/cards")
            .route(web::get().to(list_cards_of_account))
            .route(web::post().to(issue_card)),
    );
}

/// The routes' part of the OpenAPI document.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list_cards, list_cards_of_account, read_card, issue_card, update_card, cancel_card))]
pub(super) struct Document;
