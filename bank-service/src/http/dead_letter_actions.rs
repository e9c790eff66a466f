//! `POST /api/dead-letters/replay` and `/discard`: one, some or all of a queue, also as a dry run.

use std::collections::BTreeSet;

use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::Value;
use service_kit::http::fields::{Body, Fields, FromFields, parse};
use service_kit::http::problem::{ErrorCode, Problem};
use service_kit::messaging::dead_letters::{ActionResult, DeadLetterAction, MAX_SELECTED, Selection};
use shared_events::EventId;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use super::AppState;
use super::actor::Actor;
use super::dead_letters::checked_queue;
use super::idempotency::idempotency_key;
use crate::domain::policy::Action;
use crate::store::StoreError;
use crate::trace::{DeadLetterError, DeadLetterRequest, apply_to_dead_letters};

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/dead-letters/replay").route(web::post().to(replay_dead_letters)))
        .service(web::resource("/api/dead-letters/discard").route(web::post().to(discard_dead_letters)));
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(replay_dead_letters, discard_dead_letters))]
pub(super) struct Document;

/// Which letters.
struct WorkRequest {
    queue: String,
    selection: Selection,
    dry_run: bool,
}

/// Which dead letters of a queue: some by their ids, or all.
#[derive(ToSchema)]
#[schema(as = DeadLetterWork)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes a body, which `WorkRequest` reads")]
enum WorkBody {
    Chosen(WorkOnSome),
    Every(WorkOnAll),
}

#[derive(ToSchema)]
#[schema(as = SomeDeadLetters)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a body, which `WorkRequest` reads")]
struct WorkOnSome {
    #[schema(example = "log-service", min_length = 1, max_length = 80, pattern = "^[A-Za-z0-9._-]+$")]
    queue: String,
    #[schema(min_items = 1, max_items = 500)]
    ids: Vec<uuid::Uuid>,
    /// Only tell what would be done.
    #[schema(required = false)]
    dry_run: bool,
}

/// 500 at a time, from `after` on.
#[derive(ToSchema)]
#[schema(as = AllDeadLetters)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes a body, which `WorkRequest` reads")]
struct WorkOnAll {
    #[schema(example = "log-service", min_length = 1, max_length = 80, pattern = "^[A-Za-z0-9._-]+$")]
    queue: String,
    /// `true`.
    all: True,
    /// Only what comes after this one.
    #[schema(required = false)]
    after: uuid::Uuid,
    /// Only tell what would be done.
    #[schema(required = false)]
    dry_run: bool,
}

/// The constant `true`.
struct True;

impl utoipa::PartialSchema for True {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true])).into()
    }
}

impl ToSchema for True {}

impl FromFields for WorkRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let queue = fields.required("queue", parse::via(checked_queue));
        let ids = fields.optional("ids", event_ids);
        let all = fields.optional("all", parse::boolean);
        let after = fields.optional("after", parse::via(str::parse::<EventId>));
        let dry_run = fields.optional("dry_run", parse::boolean);
        let (ids, all, after) = (ids?, all?.unwrap_or(false), after?);
        if ids.is_some() == all {
            fields.fault("ids", "either ids or all must be given, and not both");
            return None;
        }
        if after.is_some() && !all {
            fields.fault("after", "goes with all");
            return None;
        }
        let selection = ids.map_or(Selection::After(after), Selection::These);
        Some(Self { queue: queue?, selection, dry_run: dry_run?.unwrap_or(false) })
    }
}

fn event_ids(value: &Value) -> Result<BTreeSet<EventId>, String> {
    let texts = parse::string_list(MAX_SELECTED)(value)?;
    if texts.is_empty() {
        return Err("must not be empty".to_owned());
    }
    texts.iter().map(|text| text.parse().map_err(|_| "each entry must be a UUID".to_owned())).collect()
}

/// What became of the dead letters.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetterReport)]
struct WorkReport {
    #[schema(example = "letters replayed")]
    msg: &'static str,
    dry_run: bool,
    /// How many were, or in a dry run would be, replayed or discarded.
    done: usize,
    kept: usize,
    missing: usize,
    /// With `all`: there may be more; ask again with `after`.
    more: bool,
    /// The last one that was worked on.
    #[schema(format = Uuid)]
    last: Option<String>,
    results: Vec<WorkResult>,
}

#[derive(Serialize, ToSchema)]
struct WorkResult {
    #[schema(format = Uuid)]
    id: String,
    /// `done`, `kept` or `missing`.
    outcome: &'static str,
    /// Why it was kept.
    reason: Option<String>,
}

impl WorkReport {
    fn new(request: &DeadLetterRequest, done: Vec<(EventId, ActionResult)>) -> Self {
        let count = |outcome: fn(&ActionResult) -> bool| done.iter().filter(|(_, result)| outcome(result)).count();
        Self {
            msg: match (request.dry_run, request.action) {
                (true, _) => "dry run",
                (false, DeadLetterAction::Replay) => "letters replayed",
                (false, DeadLetterAction::Discard) => "letters discarded",
            },
            dry_run: request.dry_run,
            done: count(|result| *result == ActionResult::Done),
            kept: count(|result| matches!(result, ActionResult::Kept { .. })),
            missing: count(|result| *result == ActionResult::Missing),
            more: matches!(request.selection, Selection::After(_)) && done.len() >= MAX_SELECTED,
            last: done.last().map(|(id, _)| id.to_string()),
            results: done.into_iter().map(WorkResult::from).collect(),
        }
    }
}

impl From<(EventId, ActionResult)> for WorkResult {
    fn from((id, result): (EventId, ActionResult)) -> Self {
        let (outcome, reason) = match result {
            ActionResult::Done => ("done", None),
            ActionResult::Missing => ("missing", None),
            ActionResult::Kept { reason } => ("kept", Some(reason)),
        };
        Self { id: id.to_string(), outcome, reason }
    }
}

/// Delivers dead letters to their queue again, with the ids that they have: what was done once is recognised, and not done
/// again. A dead letter is removed once its message is safe.
#[utoipa::path(
    post,
    path = "/api/dead-letters/replay",
    tag = "dead letters",
    request_body = WorkBody,
    responses((status = 200, description = "What became of each", body = WorkReport))
)]
async fn replay_dead_letters(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    body: Body<WorkRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ReplayDeadLetters)?;
    apply(&state, &request, &actor, DeadLetterAction::Replay, body.0).await
}

/// Removes dead letters for good. Who did it is kept.
#[utoipa::path(
    post,
    path = "/api/dead-letters/discard",
    tag = "dead letters",
    request_body = WorkBody,
    responses((status = 200, description = "What became of each", body = WorkReport))
)]
async fn discard_dead_letters(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    body: Body<WorkRequest>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::DiscardDeadLetters)?;
    apply(&state, &request, &actor, DeadLetterAction::Discard, body.0).await
}

async fn apply(
    state: &AppState,
    request: &HttpRequest,
    actor: &Actor,
    action: DeadLetterAction,
    given: WorkRequest,
) -> Result<HttpResponse, Problem> {
    let key = idempotency_key(request, state, Some(actor.user_id))?;
    let ctx = state.ctx(actor.user_id);
    let answer = |body: String| HttpResponse::Ok().content_type(ContentType::json()).body(body);
    if let Some(body) = state.store.remembered::<DeadLetterError>(&ctx, key.as_ref()).await? {
        return Ok(answer(body));
    }
    let no_transport =
        || Problem::new(ErrorCode::Unavailable, "There is no transport, and so there are no dead letters.");
    let admin = state.dead_letters.as_ref().ok_or_else(no_transport)?;
    let WorkRequest { queue, selection, dry_run } = given;
    let dead_letter_request = DeadLetterRequest { queue, action, selection, dry_run };
    let done = apply_to_dead_letters(&**admin, &state.store, &ctx, &dead_letter_request).await?;
    let report = WorkReport::new(&dead_letter_request, done);
    let body = serde_json::to_string(&report).map_err(|_| StoreError::Corrupt { what: "a response" })?;
    if let Some(key) = key {
        state.store.remember(&ctx, key, body.clone()).await?;
    }
    Ok(answer(body))
}
