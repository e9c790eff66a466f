//! Banks, clients, accounts and cards, by id.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use service_kit::http::paging::{Filter, ListQuery, Listing};

use super::card::CardView;
use crate::console::error::ConsoleError;
use crate::console::list::{self, Page};
use crate::console::page::page;
use crate::console::staff::Staff;
use crate::domain::bank::Bank;
use crate::domain::policy::Action;
use crate::http::AppState;
use crate::operations::errors::FindError;
use crate::operations::{accounts, cards, clients, named};
use crate::store::{self, Db};

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/bank").route(web::get().to(show_bank)))
        .service(web::resource("/bank/banks").route(web::get().to(list_banks)))
        .service(web::resource("/bank/clients").route(web::get().to(list_clients)))
        .service(web::resource("/bank/accounts").route(web::get().to(list_accounts)))
        .service(web::resource("/bank/cards").route(web::get().to(list_cards)));
}

/// The way to the lists.
async fn show_bank(staff: Staff, request: HttpRequest) -> Result<HttpResponse, ConsoleError> {
    staff.may(Action::ListBanks)?;
    page(&staff, &request, "Bank", "bank.html", json!({}))
}

async fn list_banks(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
) -> Result<HttpResponse, ConsoleError> {
    staff.may(Action::ListBanks)?;
    let rows = load(&state, &request, store::named::FILTERS, named::list::<Bank>).await?;
    page(&staff, &request, "Banks", "banks.html", json!({ "list": rows }))
}

async fn list_clients(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
) -> Result<HttpResponse, ConsoleError> {
    staff.may_all(Action::ListClients)?;
    let rows = load(&state, &request, store::clients::FILTERS, clients::list_clients).await?;
    page(&staff, &request, "Clients", "clients.html", json!({ "list": rows }))
}

async fn list_accounts(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
) -> Result<HttpResponse, ConsoleError> {
    let scope = staff.may(Action::ListAccounts)?;
    let read = move |db: &mut Db, query: &ListQuery| accounts::list_accounts(db, scope, None, query);
    let rows = load(&state, &request, store::accounts::FILTERS, read).await?;
    page(&staff, &request, "Accounts", "accounts.html", json!({ "list": rows }))
}

async fn list_cards(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
) -> Result<HttpResponse, ConsoleError> {
    let scope = staff.may(Action::ListCards)?;
    let read = move |db: &mut Db, query: &ListQuery| {
        cards::list_cards(db, scope, None, query).and_then(|found| found.try_map(|card| Ok(CardView::from(card))))
    };
    let rows = load(&state, &request, store::cards::FILTERS, read).await?;
    page(&staff, &request, "Cards", "cards.html", json!({ "list": rows }))
}

async fn load<T: Serialize + Send + 'static>(
    state: &AppState,
    request: &HttpRequest,
    filters: &[Filter],
    read: impl FnOnce(&mut Db, &ListQuery) -> Result<Listing<T>, FindError> + Send + 'static,
) -> Result<Page<T>, ConsoleError> {
    let query = list::read(request, filters)?;
    let requested = query.clone();
    let listing = state.store.read(move |db| read(db, &requested)).await?;
    Ok(Page::new(request, &query, listing))
}
