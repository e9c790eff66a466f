//! The form of a new transfer, or of a hold.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service_kit::http::paging::{Filter, FilterKind, FilterValue};
use service_kit::http::problem::{ErrorCode, Problem};
use service_kit::ids::new_uuid;
use shared_events::AccountId;

use super::amount::{example, shown, unreadable};
use super::transfers::{amount, content, path_of};
use crate::console::error::ConsoleError;
use crate::console::form::{Checked, Form};
use crate::console::list;
use crate::console::notice::Notice;
use crate::console::page::{page_with, redirect_with};
use crate::console::staff::Staff;
use crate::domain::account::Account;
use crate::domain::policy::Action;
use crate::http::AppState;
use crate::http::money::{Mover, key_of_form, read_order, transfer};
use crate::operations::accounts;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    let form = web::resource("/bank/transfers/new");
    cfg.service(form.route(web::get().to(show_form)).route(web::post().to(post_transfer)));
}

/// What is credited.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Credited {
    Account,
    Card,
}

/// A new transfer, as its form was filled in.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct TransferForm {
    key: String,
    from_account_id: String,
    to_kind: Credited,
    to_id: String,
    amount: String,
    reference: String,
    description: String,
    hold: Option<Checked>,
}

const FROM: &[Filter] = &[Filter { name: "account_id", kind: FilterKind::Integer }];

async fn show_form(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
) -> Result<HttpResponse, ConsoleError> {
    staff.may(Action::CreateTransfer)?;
    let query = list::read(&request, FROM)?;
    let Some(FilterValue::Integer(id)) = query.get("account_id") else {
        return Err(Problem::malformed("The address names no account to debit.").into());
    };
    let account = debited(&state, &staff, &id.to_string()).await?;
    let form = TransferForm {
        key: new_uuid().to_string(),
        from_account_id: account.id.to_string(),
        to_kind: Credited::Account,
        to_id: String::new(),
        amount: String::new(),
        reference: String::new(),
        description: String::new(),
        hold: None,
    };
    form_page(StatusCode::OK, &staff, &request, &account, &form, None)
}

fn form_page(
    status: StatusCode,
    staff: &Staff,
    request: &HttpRequest,
    account: &Account,
    form: &TransferForm,
    refused: Option<&Problem>,
) -> Result<HttpResponse, ConsoleError> {
    let faults = refused.map(|problem| ConsoleError::Problem(problem.clone()).faults()).unwrap_or_default();
    let context = json!({
        "account": account,
        "form": form,
        "detail": refused.map(|problem| detail_of(problem, account)),
        "faults": faults,
        "example": example(account.currency),
    });
    page_with(status, staff, request, "New transfer", "transfer_form.html", context)
}

/// Why nothing was done. The API names what can be spent in the minor unit.
fn detail_of(problem: &Problem, debited: &Account) -> String {
    match problem.code() {
        ErrorCode::InsufficientFunds => format!("Only {} can be spent.", shown(debited.available, debited.currency)),
        _ => problem.detail().to_owned(),
    }
}

async fn debited(state: &AppState, staff: &Staff, id: &str) -> Result<Account, ConsoleError> {
    let id = id.trim().parse().ok().and_then(|id: i64| AccountId::try_new(id).ok());
    let id = id.ok_or_else(|| Problem::not_found("account"))?;
    Ok(accounts::find_account(&state.store, staff.may(Action::ReadAccount)?, id).await?)
}

async fn post_transfer(
    state: web::Data<AppState>,
    request: HttpRequest,
    form: Form<TransferForm>,
) -> Result<HttpResponse, ConsoleError> {
    let Form { staff, data: form } = form;
    let mover = Mover { user_id: staff.user_id, scope: staff.may(Action::CreateTransfer)? };
    let account = debited(&state, &staff, &form.from_account_id).await?;
    let given = order_of(&form, &account);
    let key = key_of_form(&state, staff.user_id, &form.key, &content("transfer", &given))?;
    let posted = match read_order(given).map_err(|problem| unreadable(problem, account.currency)) {
        Ok(order) => transfer(&state, mover, Some(key), order).await,
        Err(faults) => Err(faults),
    };
    match posted {
        Ok(posted) => {
            let notice = if form.hold.is_some() { Notice::Held } else { Notice::Posted };
            Ok(redirect_with(&staff, &path_of(posted.transfer.id), notice))
        }
        Err(refused) if refused.code().status().is_client_error() => {
            form_page(refused.code().status(), &staff, &request, &account, &form, Some(&refused))
        }
        Err(problem) => Err(problem.into()),
    }
}

/// The body of `POST /api/transfers` that the form asks for.
fn order_of(form: &TransferForm, debited: &Account) -> Map<String, Value> {
    let to_field = match form.to_kind {
        Credited::Account => "account_id",
        Credited::Card => "card_id",
    };
    let mut given = Map::new();
    given.insert("from".to_owned(), json!({ "account_id": debited.id }));
    given.insert("to".to_owned(), json!({ to_field: number(&form.to_id) }));
    given.insert("amount".to_owned(), amount(&form.amount, debited.currency));
    given.insert("currency".to_owned(), debited.currency.code().into());
    for (name, text) in [("reference", &form.reference), ("description", &form.description)] {
        if !text.trim().is_empty() {
            given.insert(name.to_owned(), text.trim().into());
        }
    }
    if form.hold.is_some() {
        given.insert("hold".to_owned(), true.into());
    }
    given
}

/// What is no number stays a text, which the request's reader refuses in its words.
fn number(text: &str) -> Value {
    text.trim().parse::<i64>().map_or_else(|_| text.into(), Value::from)
}
