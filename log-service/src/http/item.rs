//! `GET`, `PUT` and `DELETE /api/logs/{id}`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;
use service_kit::http::envelope;
use service_kit::http::fields::{Body, Fields, FromFields, parse};
use service_kit::http::problem::Problem;

use super::Api;
use super::access::{Change, Permitted, Read};
use super::problems::{missing, of_store, path_id};
use crate::domain::{Changes, MAX_MESSAGE_CHARS, Visibility};

const READ_ONLY: [&str; 7] = ["id", "event_id", "event_type", "source", "user_id", "date", "received_at"];

impl FromFields for Changes {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&READ_ONLY);
        let message = fields.optional("message", parse::string(1, MAX_MESSAGE_CHARS));
        let data = fields.optional("data", parse::object);
        Some(Self { message: message?, data: data?.map(Value::Object) })
    }
}

#[utoipa::path(
    get, path = "/api/logs/{id}", tag = "logs", operation_id = "readLog", summary = "Read an entry",
    params(super::models::IdParam),
    responses((status = 200, description = "The entry", body = super::models::Log), super::answers::ReadProblems, super::answers::MissingProblem),
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
    Ok(HttpResponse::Ok().json(entry.ok_or_else(|| missing(visibility))?))
}

#[utoipa::path(
    put, path = "/api/logs/{id}", tag = "logs", operation_id = "updateLog", summary = "Change an entry (admin)",
    params(super::models::IdParam),
    request_body = super::models::LogChanges,
    responses(
        (status = 200, description = "The entry as it is now", body = super::models::LogEnvelope),
        super::answers::ReadProblems, super::answers::MissingProblem,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn update(
    api: web::Data<Api>,
    caller: Permitted<Change, Body<Changes>>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let Body(changes) = caller.body;
    let entry = match path_id(&request) {
        Some(id) => api.store.update(&id, changes).await.map_err(of_store)?,
        None => None,
    };
    Ok(envelope::updated(&entry.ok_or_else(|| missing(Visibility::Staff))?))
}

#[utoipa::path(
    delete, path = "/api/logs/{id}", tag = "logs", operation_id = "deleteLog", summary = "Remove an entry (admin)",
    params(super::models::IdParam),
    responses(
        (status = 200, description = "The entry as it was", body = super::models::LogEnvelope),
        super::answers::ReadProblems, super::answers::MissingProblem,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn delete(
    api: web::Data<Api>,
    _caller: Permitted<Change>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let entry = match path_id(&request) {
        Some(id) => api.store.remove(&id).await.map_err(of_store)?,
        None => None,
    };
    Ok(envelope::deleted(&entry.ok_or_else(|| missing(Visibility::Staff))?))
}
