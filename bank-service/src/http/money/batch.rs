//! `POST /api/transfers/batch`: up to 500 transfers.

use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::future::join_all;
use serde::Serialize;
use service_kit::http::fields::{Body, BodyLimit};
use service_kit::http::problem::{FieldErrors, Problem};
use utoipa::ToSchema;

use super::answers::PostedBody;
use super::bodies::BatchBody;
use super::keys::batch_keys;
use super::transfers::request_of;
use crate::domain::ledger::Refusal;
use crate::domain::policy::{Action, Scope};
use crate::http::actor::Actor;
use crate::http::state::AppState;
use crate::operations::ledger::{BatchError, Command, Posted, Request, TransferError};

const BODY_LIMIT: usize = 512 * 1024;
const CUSTOMERS_AT_ONCE: usize = 10;

/// What became of one transfer of a batch.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchResult)]
struct ResultView {
    /// Its place in the batch, from 0.
    #[schema(minimum = 0)]
    index: usize,
    /// The status that it would have had alone.
    #[schema(example = 201)]
    status: u16,
    /// The transfer, if it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer: Option<PostedBody>,
    /// The stable code of the refusal, if it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// The results, in the order of the batch.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchAnswer)]
struct BatchView {
    /// One for each transfer.
    results: Vec<ResultView>,
}

/// Do many transfers
#[utoipa::path(post, path = "/api/transfers/batch", tag = "money", request_body = BatchBody,
    responses((status = 200, description = "What became of each", body = BatchView)))]
async fn create_transfers(
    state: web::Data<AppState>,
    actor: Actor,
    request: HttpRequest,
    body: Body<BatchBody>,
) -> Result<HttpResponse, Problem> {
    let scope = actor.may(Action::CreateTransfers)?;
    let BatchBody { is_atomic, orders } = body.0;
    let keys = batch_keys(&request, &state, actor.user_id, orders.len())?;
    state.limits.check_recipients(actor.user_id, scope)?;
    let requests: Vec<Request> = orders
        .into_iter()
        .zip(keys)
        .map(|(order, key)| request_of(&state, &actor, scope, Some(key), Command::Transfer(order)))
        .collect();
    let results = if is_atomic {
        atomically(&state, &actor, scope, requests).await?
    } else {
        each(&state, &actor, scope, requests).await
    };
    Ok(HttpResponse::Ok().json(BatchView { results }))
}

async fn atomically(
    state: &AppState,
    actor: &Actor,
    scope: Scope,
    requests: Vec<Request>,
) -> Result<Vec<ResultView>, Problem> {
    match state.ledger.post_atomically(requests).await {
        Ok(posted) => {
            let view = |(index, one)| done(index, PostedBody::created(one, scope == Scope::All));
            Ok(posted.iter().enumerate().map(view).collect())
        }
        Err(BatchError::Store(error)) => Err(error.into()),
        Err(BatchError::Refused(faults)) => {
            let fault = |(index, error)| {
                count_unknown(state, actor, &error);
                let problem = Problem::from(error);
                (format!("transfers[{index}]"), vec![format!("{}: {}", problem.code(), problem.detail())])
            };
            Err(Problem::validation(faults.into_iter().map(fault).collect::<FieldErrors>()))
        }
    }
}

/// A customer's are done a few at a time, so that a batch does not try more recipients than its requests could.
async fn each(state: &AppState, actor: &Actor, scope: Scope, requests: Vec<Request>) -> Vec<ResultView> {
    let at_once = if scope == Scope::All { requests.len() } else { CUSTOMERS_AT_ONCE };
    let (mut left, mut results) = (requests.into_iter().peekable(), Vec::new());
    while left.peek().is_some() {
        let some: Vec<Request> = left.by_ref().take(at_once).collect();
        if let Err(problem) = state.limits.check_recipients(actor.user_id, scope) {
            results.extend(some.iter().map(|_| Err(problem.clone())));
            continue;
        }
        for answer in join_all(some.into_iter().map(|request| state.ledger.post(request))).await {
            results.push(answer.map_err(|error| {
                count_unknown(state, actor, &error);
                Problem::from(error)
            }));
        }
    }
    let view = |(index, answer): (usize, Result<Posted, Problem>)| match answer {
        Ok(one) => done(index, PostedBody::created(&one, scope == Scope::All)),
        Err(problem) => {
            let (error, status) = (problem.code().as_str(), problem.code().status().as_u16());
            ResultView { index, status, transfer: None, error: Some(error), detail: Some(problem.detail().to_owned()) }
        }
    };
    results.into_iter().enumerate().map(view).collect()
}

fn count_unknown(state: &AppState, actor: &Actor, error: &TransferError) {
    if matches!(error, TransferError::Refused(Refusal::UnknownRecipient)) {
        state.limits.count_unknown_recipient(actor.user_id);
    }
}

fn done(index: usize, transfer: PostedBody) -> ResultView {
    ResultView { index, status: 201, transfer: Some(transfer), error: None, detail: None }
}

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    let post = web::post().to(create_transfers);
    cfg.service(web::resource("/api/transfers/batch").app_data(BodyLimit(BODY_LIMIT)).route(post));
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(create_transfers))]
pub(super) struct Document;
