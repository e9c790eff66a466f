//! One account: its money, cards, holds, entries with the running balance, and its statements.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;
use service_kit::http::fields::PathId;
use service_kit::http::paging::{FilterValue, ListQuery, PageRequest};
use service_kit::lifecycle::Shutdown;
use shared_events::AccountId;
use url::form_urlencoded::{Serializer, parse};

use super::card::CardView;
use crate::console::error::ConsoleError;
use crate::console::list::{self, Page};
use crate::console::page::{page, redirect};
use crate::console::staff::Staff;
use crate::domain::ledger::LedgerId;
use crate::domain::policy::Action;
use crate::http::AppState;
use crate::http::money::{Reader, page_of_entries, page_of_transfers, send_statement};
use crate::operations::{accounts, cards};

/// Cards and open holds that the page of an account shows.
const SHOWN: i64 = 10;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/bank/accounts/{id}").route(web::get().to(show_account)))
        .service(web::resource("/bank/accounts/{id}/statement").route(web::get().to(download_statement)));
}

async fn show_account(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
    id: PathId<AccountId>,
) -> Result<HttpResponse, ConsoleError> {
    let PathId(id) = id;
    let account = accounts::find_account(&state.store, staff.may(Action::ReadAccount)?, id).await?;
    let query = list::read(&request, &[])?;
    let item = (LedgerId::of_account(id), "account");
    let entries = page_of_entries(&state, staff.may(Action::ReadEntries)?, item, &query).await?;
    let first = |filters| ListQuery { page: PageRequest::After { cursor: None, size: SHOWN }, filters };
    let (scope, all) = (staff.may(Action::ListCards)?, first(Vec::new()));
    let cards = state.store.read(move |db| cards::list_cards(db, scope, Some(id), &all)).await?;
    let held =
        first(vec![("account_id", FilterValue::Integer(id.get())), ("status", FilterValue::Text("held".to_owned()))]);
    let holds = page_of_transfers(&state, staff.may(Action::ReadTransfer)?, &held).await?;
    let context = json!({
        "account": account,
        "entries": Page::new(&request, &query, entries),
        "cards": cards.rows.into_iter().map(CardView::from).collect::<Vec<_>>(),
        "has_more_cards": cards.more,
        "holds": holds.rows,
        "has_more_holds": holds.more,
    });
    page(&staff, &request, &format!("Account {id}"), "account.html", context)
}

/// The bytes of `GET /api/accounts/{id}/statement`. Fields that the form has sent empty are left out of the address first.
async fn download_statement(
    state: web::Data<AppState>,
    shutdown: web::Data<Shutdown>,
    staff: Staff,
    request: HttpRequest,
    id: PathId<AccountId>,
) -> Result<HttpResponse, ConsoleError> {
    let scope = staff.may(Action::ReadEntries)?;
    let given = || parse(request.query_string().as_bytes());
    if given().any(|(_, value)| value.trim().is_empty()) {
        let filled = given().filter(|(_, value)| !value.trim().is_empty());
        let query = Serializer::new(String::new()).extend_pairs(filled).finish();
        return Ok(redirect(&format!("{}?{query}", request.path())));
    }
    let reader = Reader { user_id: staff.user_id, session_id: staff.session_id, scope };
    Ok(send_statement(&state, &shutdown, reader, id.0, &request).await?)
}
