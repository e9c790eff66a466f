//! The ledger as a whole: the trial balance, and its check.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use crate::console::error::ConsoleError;
use crate::console::form::{Checked, Form};
use crate::console::notice::Notice;
use crate::console::page::{page, redirect_with};
use crate::console::staff::Staff;
use crate::domain::policy::Action;
use crate::http::AppState;
use crate::http::money::{begin_verification, last_verification, trial_balance};
use crate::store::ledger::Depth;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/bank/ledger").route(web::get().to(show_ledger)))
        .service(web::resource("/bank/ledger/verify").route(web::post().to(verify_ledger)));
}

async fn show_ledger(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
) -> Result<HttpResponse, ConsoleError> {
    staff.may_all(Action::ReadLedger)?;
    let balance = trial_balance(&state, None).await?;
    let verification = staff.can(Action::VerifyLedger).then(|| last_verification(&state));
    page(&staff, &request, "Ledger", "ledger.html", json!({ "balance": balance, "verification": verification }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VerifyForm {
    full: Option<Checked>,
}

async fn verify_ledger(state: web::Data<AppState>, form: Form<VerifyForm>) -> Result<HttpResponse, ConsoleError> {
    let Form { staff, data: VerifyForm { full } } = form;
    staff.may_all(Action::VerifyLedger)?;
    begin_verification(&state, if full.is_some() { Depth::Full } else { Depth::New });
    Ok(redirect_with(&staff, "/console/bank/ledger", Notice::VerificationStarted))
}
