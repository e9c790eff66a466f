//! Transfers: the list, and one transfer with what can be done to it.
//!
//! Each form has a key of its own that its page was made with, so a form that is sent twice moves money once.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service_kit::http::fields::PathId;
use service_kit::http::paging::IdKind;
use service_kit::http::problem::Problem;
use service_kit::ids::new_uuid;
use shared_events::{Currency, MoneyError};

use super::amount::{minor, refused, unreadable};
use crate::console::error::ConsoleError;
use crate::console::form::Form;
use crate::console::list::{self, Page};
use crate::console::notice::Notice;
use crate::console::page::{page, redirect_with};
use crate::console::staff::Staff;
use crate::domain::ledger::{TransferId, TransferKind, TransferStatus};
use crate::domain::policy::Action;
use crate::http::AppState;
use crate::http::money::{
    Mover, find_transfer, key_of_form, page_of_transfers, post, read_capture, read_reversal, reverse, void,
};
use crate::store::ledger::TRANSFER_FILTERS;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/bank/transfers").route(web::get().to(list_transfers)))
        .service(web::resource("/bank/transfers/{id}").route(web::get().to(show_transfer)))
        .service(web::resource("/bank/transfers/{id}/capture").route(web::post().to(capture_hold)))
        .service(web::resource("/bank/transfers/{id}/void").route(web::post().to(void_hold)))
        .service(web::resource("/bank/transfers/{id}/reverse").route(web::post().to(reverse_transfer)));
}

async fn list_transfers(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
) -> Result<HttpResponse, ConsoleError> {
    let scope = staff.may(Action::ReadTransfer)?;
    let query = list::read_of(IdKind::Uuid, &request, TRANSFER_FILTERS)?;
    let listing = page_of_transfers(&state, scope, &query).await?;
    let context = json!({
        "list": Page::new(&request, &query, listing),
        "kinds": TransferKind::NAMES,
        "statuses": TransferStatus::NAMES,
    });
    page(&staff, &request, "Transfers", "transfers.html", context)
}

async fn show_transfer(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
    id: PathId<TransferId>,
) -> Result<HttpResponse, ConsoleError> {
    let found = find_transfer(&state, staff.may(Action::ReadTransfer)?, id.0).await?;
    let context = json!({
        "transfer": found,
        "keys": { "capture": new_uuid(), "void": new_uuid(), "reverse": new_uuid() },
        "can_reverse": staff.can(Action::ReverseTransfer),
        "can_capture": staff.can(Action::CaptureTransfer),
        "can_void": staff.can(Action::VoidTransfer),
    });
    page(&staff, &request, "Transfer", "transfer.html", context)
}

/// An amount in the minor unit. What is no amount stays a text, which the request's reader refuses in its words.
pub(super) fn amount(text: &str, currency: Currency) -> Value {
    minor(text, currency).map_or_else(|| text.into(), Value::from)
}

/// What a form asks for, which its key stands for.
pub(super) fn content(what: &str, given: &Map<String, Value>) -> String {
    format!("{what}\n{}", json!(given))
}

pub(super) fn path_of(id: TransferId) -> String {
    format!("/console/bank/transfers/{id}")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaptureForm {
    key: String,
    /// All that is held, if it is empty.
    amount: String,
}

async fn capture_hold(
    state: web::Data<AppState>,
    id: PathId<TransferId>,
    form: Form<CaptureForm>,
) -> Result<HttpResponse, ConsoleError> {
    let (PathId(id), Form { staff, data: form }) = (id, form);
    let mover = Mover { user_id: staff.user_id, scope: staff.may(Action::CaptureTransfer)? };
    let Part { currency, given } = part(&state, &staff, id, &form.amount).await?;
    let key = key_of_form(&state, staff.user_id, &form.key, &content(&format!("capture {id}"), &given))?;
    let command = read_capture(id, given).map_err(|problem| unreadable(problem, currency))?;
    let posted = post(&state, mover, Some(key), command).await.map_err(|error| refused(error, currency))?;
    Ok(redirect_with(&staff, &path_of(posted.transfer.id), Notice::Captured))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VoidForm {
    key: String,
}

async fn void_hold(
    state: web::Data<AppState>,
    id: PathId<TransferId>,
    form: Form<VoidForm>,
) -> Result<HttpResponse, ConsoleError> {
    let (PathId(id), Form { staff, data: form }) = (id, form);
    let mover = Mover { user_id: staff.user_id, scope: staff.may(Action::VoidTransfer)? };
    let key = key_of_form(&state, staff.user_id, &form.key, &format!("void {id}"))?;
    void(&state, mover, Some(key), id).await?;
    Ok(redirect_with(&staff, &path_of(id), Notice::Voided))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReverseForm {
    key: String,
    /// All that is not reversed yet, if it is empty.
    amount: String,
    /// The reason.
    description: String,
}

async fn reverse_transfer(
    state: web::Data<AppState>,
    id: PathId<TransferId>,
    form: Form<ReverseForm>,
) -> Result<HttpResponse, ConsoleError> {
    let (PathId(id), Form { staff, data: form }) = (id, form);
    let mover = Mover { user_id: staff.user_id, scope: staff.may(Action::ReverseTransfer)? };
    let Part { currency, mut given } = part(&state, &staff, id, &form.amount).await?;
    given.insert("description".to_owned(), form.description.trim().into());
    let key = key_of_form(&state, staff.user_id, &form.key, &content(&format!("reverse {id}"), &given))?;
    let command = read_reversal(id, given).map_err(|problem| unreadable(problem, currency))?;
    let posted = reverse(&state, mover, Some(key), command).await.map_err(|error| refused(error, currency))?;
    Ok(redirect_with(&staff, &path_of(posted.transfer.id), Notice::Reversed))
}

/// How much of a transfer a form is about.
struct Part {
    /// That of the transfer.
    currency: Currency,
    /// The amount in the minor unit, under its name in a request; nothing if none was given.
    given: Map<String, Value>,
}

async fn part(state: &AppState, staff: &Staff, id: TransferId, text: &str) -> Result<Part, ConsoleError> {
    let found = find_transfer(state, staff.may(Action::ReadTransfer)?, id).await?;
    let currency: Currency = found.currency().parse().map_err(|error: MoneyError| Problem::internal(&error))?;
    let given = Some(text).filter(|text| !text.trim().is_empty());
    let given = given.map(|text| ("amount".to_owned(), amount(text, currency)));
    Ok(Part { currency, given: given.into_iter().collect() })
}
