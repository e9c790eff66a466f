//! The entries and the balance at a time of an account or a card.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use service_kit::http::fields::PathId;
use service_kit::http::paging::{
    Filter, FilterKind, FilterValue, ListBody, ListQuery, Listing, PageRequest, parameters, respond,
};
use service_kit::http::problem::Problem;
use shared_events::{AccountId, CardId};

use super::answers::{BalanceBody, EntryBody};
use crate::domain::ledger::{LedgerId, TransferKind};
use crate::domain::policy::{Action, Scope};
use crate::http::actor::Actor;
use crate::http::lists::PAGE_SIZE;
use crate::http::problem_map::fault;
use crate::http::state::AppState;
use crate::operations::errors::FindError;
use crate::operations::ledger::{balance_at, list_entries};
use crate::store::ledger::{EntryKind, EntryPage};

/// The kinds of entries: those of transfers, and the two that moved no money.
pub(in crate::http) const KINDS: [&str; 9] =
    ["transfer", "deposit", "withdrawal", "opening", "adjustment", "closing", "reversal", "hold", "limit"];

/// The fields that a list of entries can be filtered by; `from` and `to` are times.
pub(in crate::http) const FILTERS: &[Filter] = &[
    Filter { name: "from", kind: FilterKind::Date },
    Filter { name: "to", kind: FilterKind::Date },
    Filter { name: "kind", kind: FilterKind::OneOf(&KINDS) },
    Filter { name: "order", kind: FilterKind::OneOf(&["desc", "asc"]) },
];

/// List the entries of an account, the newest first
#[utoipa::path(get, path = "/api/accounts/{id}/entries", tag = "money",
    responses((status = 200, description = "A page", body = ListBody<EntryBody>)))]
pub(super) async fn list_entries_of_account(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<AccountId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    list(&state, &actor, &request, (LedgerId::of_account(id.0), "account")).await
}

/// List the entries of a card, the newest first
#[utoipa::path(get, path = "/api/cards/{id}/entries", tag = "money",
    responses((status = 200, description = "A page", body = ListBody<EntryBody>)))]
pub(super) async fn list_entries_of_card(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<CardId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    list(&state, &actor, &request, (LedgerId::of_card(id.0), "card")).await
}

async fn list(
    state: &AppState,
    actor: &Actor,
    request: &HttpRequest,
    item: (LedgerId, &'static str),
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::ReadEntries)?;
    let query = ListQuery::parse(request.path(), request.query_string(), PAGE_SIZE, FILTERS)?;
    respond(request.path(), &query, page_of_entries(state, scope, item, &query).await?)
}

/// A page of entries as a caller of this scope sees them; `item` is an account or a card, and its name in words.
pub(crate) async fn page_of_entries(
    state: &AppState,
    scope: Scope,
    item: (LedgerId, &'static str),
    query: &ListQuery,
) -> Result<Listing<EntryBody>, Problem> {
    let page = page_of(query);
    let is_counted = matches!(query.page, PageRequest::Number { .. });
    let found = state.store.read(move |db| list_entries(db, scope, item, &page, is_counted));
    let (rows, total) = found.await.map_err(|error: FindError| error)?;
    let listing = Listing::of(query.page, rows, total, |row| row.entry.seq);
    listing.try_map(|row| Ok(EntryBody::new(&row, scope == Scope::All)))
}

fn page_of(query: &ListQuery) -> EntryPage {
    let (skip, limit, after) = (query.page.offset(), query.page.limit(), query.page.after_id());
    let mut page = EntryPage { after, skip, limit, ..EntryPage::default() };
    for (name, value) in &query.filters {
        match (*name, value) {
            ("from", FilterValue::Date(date)) => page.from = Some(*date),
            ("to", FilterValue::Date(date)) => page.to = Some(*date),
            ("kind", FilterValue::Text(kind)) => {
                page.kind = match kind.as_str() {
                    "hold" => Some(EntryKind::Hold),
                    "limit" => Some(EntryKind::Limit),
                    other => TransferKind::parse(other).map(EntryKind::Transfer),
                };
            }
            ("order", FilterValue::Text(order)) => page.is_ascending = order == "asc",
            _ => {}
        }
    }
    page
}

/// Read the balance of an account, now or at a time
#[utoipa::path(get, path = "/api/accounts/{id}/balance", tag = "money",
    params(("at" = Option<String>, Query, format = DateTime, description = "A time up to now; now, if it is not given.")),
    responses((status = 200, description = "The balance", body = BalanceBody)))]
pub(super) async fn read_balance_of_account(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<AccountId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    balance(&state, &actor, &request, (LedgerId::of_account(id.0), "account")).await
}

/// Read the balance of a card, now or at a time
#[utoipa::path(get, path = "/api/cards/{id}/balance", tag = "money",
    params(("at" = Option<String>, Query, format = DateTime, description = "A time up to now; now, if it is not given.")),
    responses((status = 200, description = "The balance", body = BalanceBody)))]
pub(super) async fn read_balance_of_card(
    state: web::Data<AppState>,
    actor: Actor,
    id: PathId<CardId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    balance(&state, &actor, &request, (LedgerId::of_card(id.0), "card")).await
}

async fn balance(
    state: &AppState,
    actor: &Actor,
    request: &HttpRequest,
    item: (LedgerId, &'static str),
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::ReadEntries)?;
    let at = at(request.query_string(), state.clock.now())?;
    let found = state.store.read(move |db| balance_at(db, scope, item, at)).await.map_err(|error: FindError| error)?;
    Ok(HttpResponse::Ok().json(BalanceBody::new(&found, at)))
}

/// The time that is asked for, which is not to come.
fn at(query: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Problem> {
    service_kit::http::paging::refuse_unknown(query, &["at"])?;
    let given = parameters(query)?.into_iter().find(|(name, _)| name == "at");
    let Some((_, text)) = given else { return Ok(now) };
    let at =
        shared_events::date::parse(&text).ok_or_else(|| fault("at", "must be a date such as 2025-01-16T17:10:26Z"))?;
    if at > now { Err(fault("at", "must not be in the future")) } else { Ok(at) }
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/accounts/{id}/entries").route(web::get().to(list_entries_of_account)))
        .service(web::resource("/api/cards/{id}/entries").route(web::get().to(list_entries_of_card)))
        .service(web::resource("/api/accounts/{id}/balance").route(web::get().to(read_balance_of_account)))
        .service(web::resource("/api/cards/{id}/balance").route(web::get().to(read_balance_of_card)));
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(list_entries_of_account, list_entries_of_card, read_balance_of_account, read_balance_of_card))]
pub(super) struct Document;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_of_entries_are_those_of_transfers_a_hold_and_a_limit() {
        let kinds = TransferKind::ALL.map(TransferKind::as_str).into_iter().chain(["hold", "limit"]);
        assert_eq!(KINDS.to_vec(), kinds.collect::<Vec<_>>());
    }
}
