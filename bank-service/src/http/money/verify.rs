//! `/api/ledger/verify`: the check of the whole ledger, for administrators. It runs on a connection of its own, and may take minutes.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use service_kit::http::problem::Problem;
use service_kit::task;
use utoipa::ToSchema;

use super::answers::date;
use crate::domain::policy::Action;
use crate::http::actor::Actor;
use crate::http::state::AppState;
use crate::http::verification::VerificationRun;
use crate::store::ledger::{Verification, verify};
use crate::store::{StoreError, existing};

/// How far the check is.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum VerificationState {
    None,
    Running,
    Done,
    Failed,
}

/// The check of the whole ledger that runs in this process, or the last one. What is not known yet is null.
#[derive(Serialize, ToSchema)]
#[schema(as = LedgerVerification)]
struct VerificationView {
    /// `none` before the first check of this process, `failed` if the ledger could not be read.
    state: VerificationState,
    /// When it began.
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// When it ended.
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    /// How many ledger accounts were checked.
    #[schema(minimum = 0)]
    ledger_accounts: Option<u64>,
    /// How many entries were checked.
    #[schema(minimum = 0)]
    entries: Option<u64>,
    /// How many transfers were checked.
    #[schema(minimum = 0)]
    transfers: Option<u64>,
    /// How many violations were found; 0 if the ledger is sound.
    #[schema(minimum = 0)]
    violations: Option<u64>,
    /// The first hundred of them, in words.
    listed: Vec<String>,
}

impl From<VerificationRun> for VerificationView {
    fn from(run: VerificationRun) -> Self {
        let (state, started_at, finished_at, found) = match run {
            VerificationRun::None => (VerificationState::None, None, None, None),
            VerificationRun::Running { started_at } => (VerificationState::Running, Some(started_at), None, None),
            VerificationRun::Done { started_at, finished_at, found } => {
                (VerificationState::Done, Some(started_at), Some(finished_at), Some(found))
            }
            VerificationRun::Failed { started_at, finished_at } => {
                (VerificationState::Failed, Some(started_at), Some(finished_at), None)
            }
        };
        let count = |count: fn(&Verification) -> u64| found.as_ref().map(count);
        Self {
            state,
            started_at: started_at.map(date),
            finished_at: finished_at.map(date),
            ledger_accounts: count(|found| found.ledger_accounts),
            entries: count(|found| found.entries),
            transfers: count(|found| found.transfers),
            violations: count(|found| found.violations),
            listed: found.map(|found| found.listed).unwrap_or_default(),
        }
    }
}

/// Start a check of the whole ledger. While one runs, that one is the answer
#[utoipa::path(post, path = "/api/ledger/verify", tag = "money",
    responses((status = 202, description = "The check that runs", body = VerificationView)))]
async fn start_ledger_verification(state: web::Data<AppState>, actor: Actor) -> Result<HttpResponse, Problem> {
    actor.may(Action::VerifyLedger)?;
    if state.verification.begin(state.clock.now()) {
        drop(task::spawn("ledger-verification", run(AppState::clone(&state))));
    }
    Ok(HttpResponse::Accepted().json(VerificationView::from(state.verification.last())))
}

async fn run(state: AppState) {
    let url = state.settings.database_url.clone();
    let checked = tokio::task::spawn_blocking(move || existing::open(&url).and_then(|mut db| verify(&mut db))).await;
    let checked = checked.unwrap_or_else(|error| Err(StoreError::Unavailable { reason: error.to_string() }));
    state.verification.end(state.clock.now(), checked);
}

/// Read the result of the last check of the ledger, or that one runs
#[utoipa::path(get, path = "/api/ledger/verify", tag = "money",
    responses((status = 200, description = "The check", body = VerificationView)))]
async fn read_ledger_verification(state: web::Data<AppState>, actor: Actor) -> Result<HttpResponse, Problem> {
    actor.may(Action::VerifyLedger)?;
    Ok(HttpResponse::Ok().json(VerificationView::from(state.verification.last())))
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(
        web::resource("/api/ledger/verify")
            .route(web::get().to(read_ledger_verification))
            .route(web::post().to(start_ledger_verification)),
    );
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(start_ledger_verification, read_ledger_verification))]
pub(super) struct Document;
