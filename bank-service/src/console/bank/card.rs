//! One card: its money, and its entries with the running balance.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use service_kit::http::fields::PathId;
use shared_events::{CardId, Currency};

use crate::console::error::ConsoleError;
use crate::console::list::{self, Page};
use crate::console::page::page;
use crate::console::staff::Staff;
use crate::domain::card::Card;
use crate::domain::ledger::LedgerId;
use crate::domain::policy::Action;
use crate::http::AppState;
use crate::http::money::page_of_entries;
use crate::operations::cards;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/bank/cards/{id}").route(web::get().to(show_card)));
}

/// A card as templates show it: its amounts need the currency.
#[derive(Serialize)]
pub(super) struct CardView {
    #[serde(flatten)]
    card: Card,
    currency: Currency,
}

impl From<Card> for CardView {
    fn from(card: Card) -> Self {
        Self { currency: card.currency, card }
    }
}

async fn show_card(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
    id: PathId<CardId>,
) -> Result<HttpResponse, ConsoleError> {
    let PathId(id) = id;
    let card = cards::find_card(&state.store, staff.may(Action::ReadCard)?, id).await?;
    let query = list::read(&request, &[])?;
    let item = (LedgerId::of_card(id), "card");
    let entries = page_of_entries(&state, staff.may(Action::ReadEntries)?, item, &query).await?;
    let context = json!({ "card": CardView::from(card), "entries": Page::new(&request, &query, entries) });
    page(&staff, &request, &format!("Card {id}"), "card.html", context)
}
