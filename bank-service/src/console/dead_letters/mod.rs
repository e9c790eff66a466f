//! `/console/dead-letters`: what was given up, by queue and reason; and its replay or discard in two steps: a dry run, then the
//! action with a reason that is kept. The second step does exactly what the first one has shown, or nothing.

mod lists;
mod work;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use service_kit::http::problem::{ErrorCode, Problem};
use service_kit::messaging::dead_letters::{ActionResult, DeadLetterAction, MAX_SELECTED, Selection};
use service_kit::messaging::{DeadLetter, DeadLetterAdmin};

use crate::console::error::ConsoleError;
use crate::console::flow::pretty;
use crate::console::form::Form;
use crate::console::notice::Notice;
use crate::console::page::{page, redirect_with};
use crate::console::staff::Staff;
use crate::domain::policy::Action;
use crate::domain::unwritable::is_unwritable;
use crate::http::AppState;
use crate::trace::{
    DeadLetterDetail, DeadLetterError, DeadLetterRequest, MAX_REASON_CHARS, apply_to_dead_letters, check_queue,
};
use lists::{Group, QueuePage, groups, queue_page};
use work::{Work, digest_of, event_id, fault, queue_name};

const PAGE: &str = "/console/dead-letters";

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/dead-letters").route(web::get().to(show_list)))
        .service(web::resource("/dead-letters/dry-run").route(web::post().to(dry_run)))
        .service(web::resource("/dead-letters/apply").route(web::post().to(apply)))
        .service(web::resource("/dead-letters/{queue}/{id}").route(web::get().to(show_one)));
}

/// The query of the list.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct ListQuery {
    queue: String,
    reason: String,
    after: String,
}

/// The variables of `dead_letters.html`.
#[derive(Serialize)]
struct ListView {
    /// Whether there is a transport, which has the dead letters.
    has_transport: bool,
    groups: Vec<Group>,
    /// The queue that is shown, if one is chosen.
    chosen: Option<QueuePage>,
    can_replay: bool,
    can_discard: bool,
    most: usize,
}

/// The variables of `dead_letter.html`.
#[derive(Serialize)]
struct OneView {
    dead_letter: DeadLetterDetail,
    body: String,
    can_replay: bool,
    can_discard: bool,
}

/// Which dead letters, and what with them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    queue: String,
    action: String,
    /// `selected` or `all`.
    scope: String,
    #[serde(default)]
    id: Vec<String>,
}

/// The same with what the dry run has shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmed {
    queue: String,
    action: String,
    scope: String,
    #[serde(default)]
    id: Vec<String>,
    digest: String,
    reason: String,
}

async fn show_list(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
) -> Result<HttpResponse, ConsoleError> {
    staff.may(Action::ListDeadLetters)?;
    let query = web::Query::<ListQuery>::from_query(request.query_string());
    let query = query.map_err(|_| Problem::malformed("The address has other parameters than this page."))?.into_inner();
    let mut view = ListView {
        has_transport: state.dead_letters.is_some(),
        groups: Vec::new(),
        chosen: None,
        can_replay: staff.can(Action::ReplayDeadLetters),
        can_discard: staff.can(Action::DiscardDeadLetters),
        most: MAX_SELECTED,
    };
    if let Some(admin) = &state.dead_letters {
        if query.queue.is_empty() {
            view.groups = groups(&**admin).await?;
        } else {
            let queue = queue_name(&query.queue)?;
            let after = Some(query.after.as_str()).filter(|after| !after.is_empty()).map(event_id).transpose()?;
            view.chosen = Some(queue_page(&**admin, queue, &query.reason, after).await?);
        }
    }
    page(&staff, &request, "Dead letters", "dead_letters.html", view)
}

async fn show_one(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
    place: web::Path<(String, String)>,
) -> Result<HttpResponse, ConsoleError> {
    staff.may(Action::ReadDeadLetter)?;
    let missing = || Problem::not_found("dead letter");
    let (queue, id) = place.into_inner();
    let (queue, id) = (queue_name(&queue).map_err(|_| missing())?, event_id(&id).map_err(|_| missing())?);
    let admin = state.dead_letters.as_ref().ok_or_else(missing)?;
    let found = admin.dead_letters().get(&queue, id).await.map_err(DeadLetterError::from)?;
    let dead_letter = DeadLetterDetail::new(&found.ok_or_else(missing)?);
    let view = OneView {
        body: pretty(&dead_letter.body),
        dead_letter,
        can_replay: staff.can(Action::ReplayDeadLetters),
        can_discard: staff.can(Action::DiscardDeadLetters),
    };
    page(&staff, &request, "A dead letter", "dead_letter.html", view)
}

/// What would be done. Changes nothing.
async fn dry_run(
    state: web::Data<AppState>,
    request: HttpRequest,
    form: Form<Chosen>,
) -> Result<HttpResponse, ConsoleError> {
    let Form { staff, data: Chosen { queue, action, scope, id } } = form;
    let work = Work::read(&staff, &queue, &action, &scope, &id)?;
    let admin = admin_of(&state)?;
    check_queue(admin, &state.settings.config, &queue).await?;
    let found = work.peek(admin).await?;
    let view = work.view(&found, &[], state.clock.now());
    page(&staff, &request, work.title(), "dead_letter_dry_run.html", view)
}

async fn apply(
    state: web::Data<AppState>,
    request: HttpRequest,
    form: Form<Confirmed>,
) -> Result<HttpResponse, ConsoleError> {
    let Form { staff, data: Confirmed { queue, action, scope, id, digest, reason } } = form;
    let work = Work::read(&staff, &queue, &action, &scope, &id)?;
    let reason = checked_reason(&reason)?;
    let admin = admin_of(&state)?;
    let found = work.peek(admin).await?;
    if found.is_empty() || digest_of(&found) != digest {
        let detail =
            "The dead letters have changed since the dry run, and nothing was done. Open the queue and choose again.";
        return Err(Problem::new(ErrorCode::Conflict, detail).into());
    }
    let selection = Selection::These(found.iter().map(DeadLetter::id).collect());
    let asked = DeadLetterRequest { queue, action: work.action, selection, dry_run: false, reason: Some(reason) };
    let ctx = state.ctx(staff.user_id);
    let results = apply_to_dead_letters(admin, &state.store, &ctx, &asked).await?;
    if results.iter().all(|(_, result)| *result == ActionResult::Done) {
        let notice = match work.action {
            DeadLetterAction::Replay => Notice::Replayed,
            DeadLetterAction::Discard => Notice::Discarded,
        };
        return Ok(redirect_with(&staff, PAGE, notice));
    }
    let view = work.view(&found, &results, state.clock.now());
    page(&staff, &request, work.title(), "dead_letter_dry_run.html", view)
}

fn admin_of(state: &AppState) -> Result<&dyn DeadLetterAdmin, ConsoleError> {
    let detail = "There is no transport, and so there are no dead letters.";
    state.dead_letters.as_deref().ok_or_else(|| Problem::new(ErrorCode::Unavailable, detail).into())
}

fn checked_reason(text: &str) -> Result<String, ConsoleError> {
    let reason = text.trim();
    let fits = (1..=MAX_REASON_CHARS).contains(&reason.chars().count()) && !reason.chars().any(is_unwritable);
    if fits { Ok(reason.to_owned()) } else { Err(fault("reason", "must be a sentence of at most 300 characters")) }
}
