//! `POST /api/dead-letters/replay` and `/discard`: one, some or all of a queue, also as a dry run.

use std::collections::BTreeSet;

use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::Value;
use service_kit::http::fields::{Body, Fields, FromFields, parse};
use service_kit::http::problem::{ErrorCode, Problem};
use service_kit::messaging::dead_letters::{MAX_WORK, Wanted, Work, Worked};
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
use crate::trace::{LetterError, LetterJob, work_letters};

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
    wanted: Wanted,
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
        let wanted = ids.map_or(Wanted::After(after), Wanted::These);
        Some(Self { queue: queue?, wanted, dry_run: dry_run?.unwrap_or(false) })
    }
}

fn event_ids(value: &Value) -> Result<BTreeSet<EventId>, String> {
    let texts = parse::string_list(MAX_WORK)(value)?;
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
    fn new(job: &LetterJob, done: Vec<(EventId, Worked)>) -> Self {
        let count = |outcome: fn(&Worked) -> bool| done.iter().filter(|(_, worked)| outcome(worked)).count();
        Self {
            msg: match (job.dry_run, job.work) {
                (true, _) => "dry run",
                (false, Work::Replay) => "letters replayed",
                (false, Work::Discard) => "letters discarded",
            },
            dry_run: job.dry_run,
            done: count(|worked| *worked == Worked::Done),
            kept: count(|worked| matches!(worked, Worked::Kept { .. })),
            missing: count(|worked| *worked == Worked::Missing),
            more: matches!(job.wanted, Wanted::After(_)) && done.len() >= MAX_WORK,
            last: done.last().map(|(id, _)| id.to_string()),
            results: done.into_iter().map(WorkResult::from).collect(),
        }
    }
}

impl From<(EventId, Worked)> for WorkResult {
    fn from((id, worked): (EventId, Worked)) -> Self {
        let (outcome, reason) = match worked {
            Worked::Done => ("done", None),
            Worked::Missing => ("missing", None),
            Worked::Kept { reason } => ("kept", Some(reason)),
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
    work(&state, &request, &actor, Work::Replay, body.0).await
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
    work(&state, &request, &actor, Work::Discard, body.0).await
}

async fn work(
    state: &AppState,
    request: &HttpRequest,
    actor: &Actor,
    work: Work,
    asked: WorkRequest,
) -> Result<HttpResponse, Problem> {
    let key = idempotency_key(request, state, Some(actor.user_id))?;
    let ctx = state.ctx(actor.user_id);
    let answer = |body: String| HttpResponse::Ok().content_type(ContentType::json()).body(body);
    if let Some(body) = state.store.remembered::<LetterError>(&ctx, key.as_ref()).await? {
        return Ok(answer(body));
    }
    let no_transport =
        || Problem::new(ErrorCode::Unavailable, "There is no transport, and so there are no dead letters.");
    let office = state.dead_letters.as_ref().ok_or_else(no_transport)?;
    let WorkRequest { queue, wanted, dry_run } = asked;
    let job = LetterJob { queue, work, wanted, dry_run };
    let done = work_letters(&**office, &state.store, &ctx, &job).await?;
    let report = WorkReport::new(&job, done);
    let body = serde_json::to_string(&report).map_err(|_| StoreError::Corrupt { what: "a response" })?;
    if let Some(key) = key {
        state.store.remember(&ctx, key, body.clone()).await?;
    }
    Ok(answer(body))
}
