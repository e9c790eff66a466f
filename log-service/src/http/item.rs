//! `GET`, `PUT` and `DELETE /api/logs/{id}`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use service_kit::http::auth::Claims;
use service_kit::http::fields::{Body, Fields, FromFields, parse};
use service_kit::http::problem::{ErrorCode, Problem};
use service_kit::http::{envelope, etag};
use service_kit::{ids, request_schema};
use shared_events::UserId;

use super::Api;
use super::access::{Change, Permitted, Read};
use super::problems::{missing, of_store, path_id};
use crate::domain::{Changes, Edited, Editor, Expected, LogEntry, MAX_MESSAGE_CHARS, Visibility};

const READ_ONLY: [&str; 7] = ["id", "event_id", "event_type", "source", "user_id", "date", "received_at"];

impl FromFields for Changes {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&READ_ONLY);
        let message = parse::string(1, MAX_MESSAGE_CHARS).described("What happened, in a sentence.");
        let message = fields.optional("message", message);
        let data = parse::object().described("The facts of the event, in place of all earlier ones.");
        let data = fields.optional("data", data);
        Some(Self { message: message?, data: data?.map(Value::Object) })
    }
}

request_schema!(
    Changes as "LogChanges",
    "The fields to change; the others stay.",
    json!({"message": "Account created with ID: 1 (checked)"}),
);

#[utoipa::path(
    get, path = "/api/logs/{id}", tag = "logs", operation_id = "read_log", summary = "Read an entry",
    params(super::models::IdParam),
    responses((status = 200, description = "The entry", body = LogEntry), super::responses::ReadProblems, super::responses::MissingProblem),
    security(("bearer" = [])),
)]
pub(super) async fn read(
    api: web::Data<Api>,
    caller: Permitted<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let visibility = caller.visibility()?;
    let entry = match path_id(&request) {
        Some(id) => api.store.find(&id, visibility).await.map_err(of_store)?,
        None => None,
    };
    let entry = entry.ok_or_else(|| missing(visibility))?;
    Ok(with_tag(HttpResponse::Ok().json(&entry), &entry))
}

#[utoipa::path(
    put, path = "/api/logs/{id}", tag = "logs", operation_id = "update_log", summary = "Change an entry (admin)",
    description = "Entries of `security.*` and `log.*` cannot be changed (403). A change leaves an entry `log.updated` that says \
                   who made it.",
    params(super::models::IdParam),
    request_body = Changes,
    responses(
        (status = 200, description = "The entry as it is now", body = super::models::LogEnvelope),
        super::responses::ReadProblems, super::responses::MissingProblem,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn update(
    api: web::Data<Api>,
    caller: Permitted<Change, Body<Changes>>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (by, expected) = (editor(&api, &caller.claims), expected(&request)?);
    let Body(changes) = caller.body;
    let edited = match path_id(&request) {
        Some(id) => api.store.update(&id, changes, &expected, &by).await.map_err(of_store)?,
        None => Edited::Missing,
    };
    let entry = done(edited)?;
    Ok(with_tag(envelope::updated(&entry), &entry))
}

#[utoipa::path(
    delete, path = "/api/logs/{id}", tag = "logs", operation_id = "delete_log", summary = "Remove an entry (admin)",
    description = "Entries of `security.*` and `log.*` cannot be removed (403). A removal leaves an entry `log.deleted` that \
                   says who did it.",
    params(super::models::IdParam),
    responses(
        (status = 200, description = "The entry as it was", body = super::models::LogEnvelope),
        super::responses::ReadProblems, super::responses::MissingProblem,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn delete(
    api: web::Data<Api>,
    caller: Permitted<Change>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (by, expected) = (editor(&api, &caller.claims), expected(&request)?);
    let edited = match path_id(&request) {
        Some(id) => api.store.remove(&id, &expected, &by).await.map_err(of_store)?,
        None => Edited::Missing,
    };
    Ok(envelope::deleted(&done(edited)?))
}

fn with_tag(response: HttpResponse, entry: &LogEntry) -> HttpResponse {
    match entry.version() {
        Some(version) => etag::tagged(response, &version),
        None => response,
    }
}

fn expected(request: &HttpRequest) -> Result<Expected, Problem> {
    Ok(etag::expected_versions(request)?.map_or_else(Expected::any, Expected::one_of))
}

fn editor(api: &Api, claims: &Claims) -> Editor {
    let user_id = claims.user_id.and_then(|id| UserId::try_new(id).ok());
    Editor { user_id, event_id: ids::new_event_id(), at: api.clock.now() }
}

fn done(edited: Edited) -> Result<LogEntry, Problem> {
    match edited {
        Edited::Done(entry) => Ok(*entry),
        Edited::Missing => Err(missing(Visibility::Staff)),
        Edited::Stale => Err(Problem::stale()),
        Edited::AppendOnly => {
            let detail =
                "Entries of security.* and log.* are the record of who did what: nobody can change or delete them.";
            Err(Problem::new(ErrorCode::AccessDenied, detail))
        }
    }
}
