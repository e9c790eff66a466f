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
use super::moving::{Mover, check_recipient, count_unknown, request_of, transfer};
use crate::domain::ledger::Order;
use crate::domain::policy::{Action, Scope};
use crate::http::actor::Actor;
use crate::http::state::AppState;
use crate::operations::ledger::{BatchError, Command, Posted};
use crate::store::ledger::TransferKey;

const BODY_LIMIT: usize = 512 * 1024;
const CUSTOMERS_AT_ONCE: usize = 10;

/// The result of one transfer of a batch.
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
    let mover = Mover { user_id: actor.user_id, scope };
    let orders: Vec<(Order, TransferKey)> = orders.into_iter().zip(keys).collect();
    let results = if is_atomic { atomically(&state, mover, orders).await? } else { each(&state, mover, orders).await };
    Ok(HttpResponse::Ok().json(BatchView { results }))
}

async fn atomically(
    state: &AppState,
    mover: Mover,
    orders: Vec<(Order, TransferKey)>,
) -> Result<Vec<ResultView>, Problem> {
    for (order, key) in &orders {
        check_recipient(state, mover, Some(key), order.to).await?;
    }
    let request = |(order, key)| request_of(state, mover, Some(key), Command::Transfer(order));
    match state.ledger.post_atomically(orders.into_iter().map(request).collect()).await {
        Ok(posted) => {
            let view = |(index, one)| done(index, PostedBody::created(one, mover.scope == Scope::All));
            Ok(posted.iter().enumerate().map(view).collect())
        }
        Err(BatchError::Store(error)) => Err(error.into()),
        Err(BatchError::Refused(faults)) => {
            let mut errors = FieldErrors::new();
            for (index, error) in faults {
                // Beyond the limit no fault is shown: the list would show which recipients exist.
                count_unknown(state, mover, &error)?;
                let problem = Problem::from(error);
                errors.insert(format!("transfers[{index}]"), vec![format!("{}: {}", problem.code(), problem.detail())]);
            }
            Err(Problem::validation(errors))
        }
    }
}

/// A customer's are done a few at a time, so that a batch does not try more recipients than its requests could.
async fn each(state: &AppState, mover: Mover, orders: Vec<(Order, TransferKey)>) -> Vec<ResultView> {
    let at_once = if mover.scope == Scope::All { orders.len() } else { CUSTOMERS_AT_ONCE };
    let (mut left, mut results) = (orders.into_iter().peekable(), Vec::new());
    while left.peek().is_some() {
        let some = left.by_ref().take(at_once).map(|(order, key)| transfer(state, mover, Some(key), order));
        results.extend(join_all(some).await);
    }
    let view = |(index, answer): (usize, Result<Posted, Problem>)| match answer {
        Ok(one) => done(index, PostedBody::created(&one, mover.scope == Scope::All)),
        Err(problem) => {
            let (error, status) = (problem.code().as_str(), problem.code().status().as_u16());
            ResultView { index, status, transfer: None, error: Some(error), detail: Some(problem.detail().to_owned()) }
        }
    };
    results.into_iter().enumerate().map(view).collect()
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
