//! `/api/ledger/verify`: the check of the ledger, for administrators. It runs on a connection of its own, and may take minutes.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use service_kit::http::paging::{parameters, refuse_unknown};
use service_kit::http::problem::Problem;
use service_kit::task;
use utoipa::ToSchema;

use super::answers::date;
use crate::domain::policy::Action;
use crate::http::actor::Actor;
use crate::http::problem_map::fault;
use crate::http::state::AppState;
use crate::http::verification::VerificationRun;
use crate::operations::ledger::verify;
use crate::store::ledger::{Depth, Verification};

/// The state of the check.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum VerificationState {
    None,
    Running,
    Done,
    Failed,
}

/// The check of the ledger that runs in this process, or the last one. What is not known yet is null.
#[derive(Serialize, ToSchema)]
#[schema(as = LedgerVerification)]
pub(crate) struct VerificationView {
    /// `none` before the first check of this process, `failed` if the ledger could not be read.
    state: VerificationState,
    /// When it began.
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// When it ended.
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    /// Whether everything was checked, not only what was posted since a check that found nothing.
    full: Option<bool>,
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
            full: found.as_ref().map(|found| found.is_full),
            ledger_accounts: count(|found| found.ledger_accounts),
            entries: count(|found| found.entries),
            transfers: count(|found| found.transfers),
            violations: count(|found| found.violations),
            listed: found.map(|found| found.listed).unwrap_or_default(),
        }
    }
}

/// Start a check of the ledger. While one runs, that one is the answer
#[utoipa::path(post, path = "/api/ledger/verify", tag = "money",
    params(("full" = Option<bool>, Query,
        description = "Whether to check everything, not only what was posted since a check that found nothing")),
    responses((status = 202, description = "The check that runs", body = VerificationView)))]
async fn start_ledger_verification(
    state: web::Data<AppState>,
    actor: Actor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::VerifyLedger)?;
    let depth = depth(request.query_string())?;
    Ok(HttpResponse::Accepted().json(begin_verification(&state, depth)))
}

/// Starts a check of the ledger, unless one runs; the one that runs.
pub(crate) fn begin_verification(state: &AppState, depth: Depth) -> VerificationView {
    if state.verification.begin(state.clock.now()) {
        drop(task::spawn("ledger-verification", run(state.clone(), depth)));
    }
    last_verification(state)
}

/// The check that runs, or the last one.
pub(crate) fn last_verification(state: &AppState) -> VerificationView {
    state.verification.last().into()
}

fn depth(query: &str) -> Result<Depth, Problem> {
    refuse_unknown(query, &["full"])?;
    match parameters(query)?.pop().as_ref().map(|(_, value)| value.as_str()) {
        None | Some("false") => Ok(Depth::New),
        Some("true") => Ok(Depth::Full),
        Some(_) => Err(fault("full", "not true or false")),
    }
}

async fn run(state: AppState, depth: Depth) {
    let url = state.settings.database_url.clone();
    let checked = verify(&state.store, &state.ctx_anonymous(), url, depth).await;
    state.verification.end(state.clock.now(), checked);
}

/// Read the result of the last check of the ledger, or that one runs
#[utoipa::path(get, path = "/api/ledger/verify", tag = "money",
    responses((status = 200, description = "The check", body = VerificationView)))]
async fn read_ledger_verification(state: web::Data<AppState>, actor: Actor) -> Result<HttpResponse, Problem> {
    actor.may(Action::VerifyLedger)?;
    Ok(HttpResponse::Ok().json(last_verification(&state)))
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
