//! `POST /api/dead-letters/replay` and `/discard`: one, some or all of a queue, also as a dry run.

use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use service_kit::http::fields::{Body, Describe, Fields, Form, FromFields, Kind, Parse, parse};
use service_kit::http::problem::{ErrorCode, Problem};
use service_kit::messaging::dead_letters::{ActionResult, DeadLetterAction, MAX_SELECTED, Selection};
use service_kit::{request_form, request_schema};
use shared_events::EventId;
use utoipa::ToSchema;

use super::AppState;
use super::actor::Actor;
use super::dead_letters::{QUEUE_LENGTH, checked_queue};
use super::idempotency::idempotency_key;
use crate::domain::policy::Action;
use crate::store::StoreError;
use crate::trace::{DeadLetterError, DeadLetterRequest, MAX_REASON_CHARS, apply_to_dead_letters, check_queue};

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/dead-letters/replay").route(web::post().to(replay_dead_letters)))
        .service(web::resource("/api/dead-letters/discard").route(web::post().to(discard_dead_letters)));
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(replay_dead_letters, discard_dead_letters))]
pub(super) struct Document;

/// Which dead letters of a queue.
struct DeadLetterWork {
    queue: String,
    selection: Selection,
    dry_run: bool,
    reason: Option<String>,
}

impl FromFields for DeadLetterWork {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.one_of(&[Form::of::<SomeDeadLetters>(&["ids"]), Form::of::<AllDeadLetters>(&["all", "after"])])
    }
}

request_schema!(DeadLetterWork, "Which dead letters of a queue: some by their ids, or all.");

impl FromFields for SomeDeadLetters {
    fn read(fields: &mut Fields) -> Option<Self> {
        let queue = fields.required("queue", queue());
        let ids = parse::list(1, MAX_SELECTED, parse::uuid::<EventId>()).described("The dead letters, by their ids.");
        let ids = fields.required("ids", ids);
        let dry_run = fields.optional("dry_run", dry_run());
        let reason = fields.optional("reason", reason());
        let selection = Selection::These(ids?.into_iter().collect());
        let dry_run = dry_run?.unwrap_or(false);
        Some(Self(DeadLetterWork { queue: queue?, selection, dry_run, reason: reason? }))
    }
}

request_form!(SomeDeadLetters of DeadLetterWork);

impl FromFields for AllDeadLetters {
    fn read(fields: &mut Fields) -> Option<Self> {
        let queue = fields.required("queue", queue());
        let only_true = |given| if given { Ok(()) } else { Err("must be true".to_owned()) };
        let all = parse::boolean().and_then(only_true).values([true]).named("True").described("`true`.");
        let all = fields.required("all", all);
        let after = parse::uuid::<EventId>().described("Only what comes after this one.");
        let after = fields.optional("after", after);
        let dry_run = fields.optional("dry_run", dry_run());
        let reason = fields.optional("reason", reason());
        all?;
        let selection = Selection::After(after?);
        let dry_run = dry_run?.unwrap_or(false);
        Some(Self(DeadLetterWork { queue: queue?, selection, dry_run, reason: reason? }))
    }
}

request_form!(AllDeadLetters of DeadLetterWork, "500 at a time, from `after` on.");

fn queue() -> Kind<impl Parse<String>, impl Describe> {
    let text = parse::via(checked_queue).length(1, QUEUE_LENGTH).pattern("^[A-Za-z0-9._-]+$");
    text.described("The queue whose dead letters they are.").example("log-service")
}

fn dry_run() -> Kind<impl Parse<bool>, impl Describe> {
    parse::boolean().described("Only tell what would be done.")
}

fn reason() -> Kind<impl Parse<String>, impl Describe> {
    let text = parse::string(1, MAX_REASON_CHARS).described("Why, in your words; it is kept with the action.");
    text.example("the mail server is back")
}

/// The results of an action on dead letters.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetterReport)]
struct WorkReport {
    /// The action that was done, as a sentence.
    #[schema(example = "letters replayed")]
    msg: &'static str,
    /// Whether nothing was done, since the request asked for a dry run.
    dry_run: bool,
    /// How many were, or in a dry run would be, replayed or discarded.
    done: usize,
    /// How many could not be replayed or discarded, and stay.
    kept: usize,
    /// How many ids name no dead letter of the queue.
    missing: usize,
    /// With `all`: there may be more; ask again with `after`.
    more: bool,
    /// The last one that was worked on.
    #[schema(format = Uuid)]
    last: Option<String>,
    /// The outcome for each dead letter.
    results: Vec<WorkResult>,
}

/// The result for one dead letter.
#[derive(Serialize, ToSchema)]
struct WorkResult {
    /// The event's id.
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
    request_body = DeadLetterWork,
    responses((status = 200, description = "What became of each", body = WorkReport))
)]
async fn replay_dead_letters(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    body: Body<DeadLetterWork>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ReplayDeadLetters)?;
    apply(&state, &request, &actor, DeadLetterAction::Replay, body.0).await
}

/// Removes dead letters for good. Who did it is kept.
#[utoipa::path(
    post,
    path = "/api/dead-letters/discard",
    tag = "dead letters",
    request_body = DeadLetterWork,
    responses((status = 200, description = "What became of each", body = WorkReport))
)]
async fn discard_dead_letters(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
    body: Body<DeadLetterWork>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::DiscardDeadLetters)?;
    apply(&state, &request, &actor, DeadLetterAction::Discard, body.0).await
}

async fn apply(
    state: &AppState,
    request: &HttpRequest,
    actor: &Actor,
    action: DeadLetterAction,
    given: DeadLetterWork,
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
    let DeadLetterWork { queue, selection, dry_run, reason } = given;
    check_queue(&**admin, &state.settings.config, &queue).await?;
    let dead_letter_request = DeadLetterRequest { queue, action, selection, dry_run, reason };
    let done = apply_to_dead_letters(&**admin, &state.store, &ctx, &dead_letter_request).await?;
    let report = WorkReport::new(&dead_letter_request, done);
    let body = serde_json::to_string(&report).map_err(|_| StoreError::Corrupt { what: "a response" })?;
    if let Some(key) = key {
        state.store.remember(&ctx, key, body.clone()).await?;
    }
    Ok(answer(body))
}
