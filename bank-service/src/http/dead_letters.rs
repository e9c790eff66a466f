//! `/api/dead-letters`: messages that were given up, for administrators. Their secrets are hidden.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use service_kit::http::paging::{Filter, FilterKind, FilterValue, ListQuery, PageRequest, beyond_the_end, link_pages};
use service_kit::http::problem::{ErrorCode, Problem, ProblemBody};
use service_kit::messaging::DeadLetterAdmin;
use service_kit::messaging::dead_letters::{MAX_SELECTED, Selection};
use shared_events::EventId;
use url::form_urlencoded;
use utoipa::ToSchema;

use super::AppState;
use super::actor::Actor;
use crate::domain::policy::Action;
use crate::trace::{DeadLetterDetail, DeadLetterError, DeadLetterView};

const PAGE_SIZE: i64 = 5;
pub(super) const QUEUE_LENGTH: usize = 80;
const FILTERS: &[Filter] = &[Filter { name: "queue", kind: FilterKind::Text }];

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/api/dead-letters").route(web::get().to(list_dead_letters)))
        .service(web::resource("/api/dead-letters/{queue}/{id}").route(web::get().to(read_dead_letter)));
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(list_dead_letters, read_dead_letter))]
pub(super) struct Document;

/// A page of dead letters, or a step of a walk.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetterList)]
struct DeadLetterPage {
    /// How many there are, counted up to 500 in each queue. Absent in a walk.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
    /// How many pages there are. Absent in a walk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<usize>,
    /// Relative URL of the next page; at the end, of the last one.
    next: String,
    /// Relative URL of the previous page; at the start, of the first one. Absent in a walk.
    #[serde(skip_serializing_if = "Option::is_none")]
    prev: Option<String>,
    /// The dead letters of the page, queue by queue.
    results: Vec<DeadLetterView>,
    /// The place from which a walk with `after` continues; null after the last one.
    #[schema(required)]
    cursor: Option<String>,
    /// In a walk, the place after the last one seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    tail: Option<String>,
}

/// The place in a walk: a queue and a letter of it.
struct Place {
    queue: String,
    id: EventId,
}

impl Place {
    fn encode(dead_letter: &DeadLetterView) -> String {
        format!("{}.{}", dead_letter.id, dead_letter.queue)
    }

    fn text(&self) -> String {
        format!("{}.{}", self.id, self.queue)
    }

    fn decode(text: &str) -> Option<Self> {
        let (id, queue) = text.split_once('.')?;
        Some(Self { queue: checked_queue(queue).ok()?, id: id.parse().ok()? })
    }
}

/// Dead letters in order of queue and id. Without `queue`, of all queues that this system knows. A page number reaches to
/// the first 500 of each queue; `after` walks on.
#[utoipa::path(
    get,
    path = "/api/dead-letters",
    tag = "dead letters",
    params(
        ("page_number" = Option<i64>, Query, minimum = 1, maximum = 1_000_000_000, description = "Which page; a page beyond the end is 404"),
        ("page_size" = Option<i64>, Query, minimum = 1, maximum = 100, description = "How many items a page has"),
        ("after" = Option<String>, Query, description = "The `cursor` of the page before; empty at the start", pattern = "^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\\.[A-Za-z0-9._-]{1,80})?$"),
        ("queue" = Option<String>, Query, description = "One queue only", min_length = 1, max_length = 80, pattern = "^[A-Za-z0-9._-]+$"),
    ),
    responses(
        (status = 200, description = "A page of dead letters", body = DeadLetterPage),
        (status = 400, description = "The query cannot be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "A page beyond the end", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Bad page parameters or filters", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn list_dead_letters(
    state: web::Data<AppState>,
    request: HttpRequest,
    actor: Actor,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ListDeadLetters)?;
    let (query, after) = read_query(request.path(), request.query_string())?;
    let queue = match query.get("queue") {
        Some(FilterValue::Text(queue)) => Some(checked_queue(queue).map_err(|fault| field("queue", fault))?),
        _ => None,
    };
    let found = match &state.dead_letters {
        Some(admin) => peek_all(&**admin, queue.as_deref(), after.as_ref()).await?,
        None => Vec::new(),
    };
    let place = after.as_ref().and_then(Option::as_ref);
    let page = Page { path: request.path(), queue: queue.as_deref(), walk: after.is_some(), after: place };
    let first = matches!(query.page, PageRequest::Number { number: 1, .. });
    let page = page.of(found, &query)?;
    let mut response = HttpResponse::Ok();
    let next = page.cursor.is_some().then_some(&page.next);
    link_pages(&mut response, next, page.prev.as_ref().filter(|_| !first));
    Ok(response.json(page))
}

/// A dead letter with its message, without secrets.
#[utoipa::path(
    get,
    path = "/api/dead-letters/{queue}/{id}",
    tag = "dead letters",
    params(
        ("queue" = String, Path, max_length = 80, pattern = "^[A-Za-z0-9._-]+$", description = "The queue whose dead letter it is"),
        ("id" = String, Path, format = Uuid, description = "The event's id; for a message without one, derived from its content"),
    ),
    responses((status = 200, description = "The dead letter", body = DeadLetterDetail))
)]
async fn read_dead_letter(
    state: web::Data<AppState>,
    actor: Actor,
    place: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    actor.may(Action::ReadDeadLetter)?;
    let missing = || Problem::not_found("dead letter");
    let (queue, id) = place.into_inner();
    let queue = checked_queue(&queue).map_err(|_| missing())?;
    let id: EventId = id.parse().map_err(|_| missing())?;
    let admin = state.dead_letters.as_ref().ok_or_else(missing)?;
    let found = admin.dead_letters().get(&queue, id).await.map_err(DeadLetterError::from)?;
    let dead_letter = found.ok_or_else(missing)?;
    Ok(HttpResponse::Ok().json(DeadLetterDetail::new(&dead_letter)))
}

/// `after` is a place here, which the common query does not know; everything else is read as in every list.
#[expect(clippy::option_option, reason = "absent, empty and a place are three things")]
fn read_query(path: &str, text: &str) -> Result<(ListQuery, Option<Option<Place>>), Problem> {
    let is_after = |pair: &&str| *pair == "after" || pair.starts_with("after=");
    let given: Vec<&str> = text.split('&').filter(is_after).collect();
    let others: Vec<&str> = text.split('&').filter(|pair| !is_after(pair)).collect();
    let query = ListQuery::parse(path, &others.join("&"), PAGE_SIZE, FILTERS)?;
    let not_a_cursor = || field("after", "must be a cursor that this list has returned");
    let after = match given.as_slice() {
        [] => None,
        ["after" | "after="] => Some(None),
        [one] => Some(Some(Place::decode(one.trim_start_matches("after=")).ok_or_else(not_a_cursor)?)),
        _ => return Err(field("after", "must be given once")),
    };
    if after.is_some() && !matches!(query.page, PageRequest::Number { number: 1, .. }) {
        return Err(field("page_number", "cannot be combined with after"));
    }
    Ok((query, after))
}

fn field(name: &str, message: &str) -> Problem {
    super::problem_map::fault(name, message)
}

/// A queue's name as operators may give it.
pub(crate) fn checked_queue(queue: &str) -> Result<String, &'static str> {
    let fits = (1..=QUEUE_LENGTH).contains(&queue.len())
        && queue.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if fits { Ok(queue.to_owned()) } else { Err("must be a queue's name: letters, digits, dots, hyphens, underscores") }
}

/// The letters of the queues, in order: what comes after a place, or the first of each queue.
async fn peek_all(
    admin: &dyn DeadLetterAdmin,
    queue: Option<&str>,
    after: Option<&Option<Place>>,
) -> Result<Vec<DeadLetterView>, DeadLetterError> {
    let place = after.and_then(Option::as_ref);
    let queues = match queue {
        Some(queue) => vec![queue.to_owned()],
        None => admin.dead_letters().queues().await?,
    };
    let mut found = Vec::new();
    for queue in queues.into_iter().filter(|queue| place.is_none_or(|place| *queue >= place.queue)) {
        let start = place.filter(|place| place.queue == queue).map(|place| place.id);
        let dead_letters = admin.peek(&queue, &Selection::After(start)).await?;
        found.extend(dead_letters.iter().map(DeadLetterView::new));
        // A paged listing needs at most one page, and a queue that continues beyond it fills one.
        if after.is_some() && found.len() >= MAX_SELECTED {
            break;
        }
    }
    Ok(found)
}

/// The parts of the links of a page.
struct Page<'a> {
    path: &'a str,
    queue: Option<&'a str>,
    walk: bool,
    after: Option<&'a Place>,
}

impl Page<'_> {
    fn of(&self, found: Vec<DeadLetterView>, query: &ListQuery) -> Result<DeadLetterPage, Problem> {
        let size = usize::try_from(query.page.size()).unwrap_or(1).max(1);
        let number = match query.page {
            PageRequest::Number { number, .. } if !self.walk => usize::try_from(number).unwrap_or(usize::MAX),
            _ => 1,
        };
        let (total, pages) = (found.len(), found.len().div_ceil(size));
        if number > pages.max(1) {
            return Err(beyond_the_end(i64::try_from(pages).unwrap_or(i64::MAX)));
        }
        let results: Vec<DeadLetterView> =
            found.into_iter().skip((number - 1).saturating_mul(size)).take(size).collect();
        let last = results.last().map(Place::encode);
        let cursor = last.clone().filter(|_| number.saturating_mul(size) < total);
        if self.walk {
            let tail = last.or_else(|| self.after.map(Place::text)).unwrap_or_default();
            let next = self.link("after", &tail, size);
            return Ok(DeadLetterPage {
                total: None,
                pages: None,
                next,
                prev: None,
                results,
                cursor,
                tail: Some(tail),
            });
        }
        let to = |number: usize| self.link("page_number", &number.to_string(), size);
        let (next, prev) = (to((number + 1).min(pages).max(1)), to((number - 1).max(1)));
        Ok(DeadLetterPage {
            total: Some(total),
            pages: Some(pages),
            next,
            prev: Some(prev),
            results,
            cursor,
            tail: None,
        })
    }

    fn link(&self, name: &str, value: &str, size: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair(name, value).append_pair("page_size", &size.to_string());
        if let Some(queue) = self.queue {
            query.append_pair("queue", queue);
        }
        format!("{}?{}", self.path, query.finish())
    }
}

impl From<DeadLetterError> for Problem {
    fn from(error: DeadLetterError) -> Self {
        match error {
            DeadLetterError::Unreachable(error) => {
                tracing::error!(%error, "the dead letters cannot be reached");
                Self::new(ErrorCode::Unavailable, "The dead letters cannot be reached at the moment.")
                    .with_retry_after(std::time::Duration::from_secs(1))
            }
            DeadLetterError::UnknownQueue { .. } => field("queue", "there is no such queue"),
            DeadLetterError::Idempotency(error) => error.into(),
            DeadLetterError::Store(error) => error.into(),
        }
    }
}
