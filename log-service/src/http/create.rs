//! `POST /api/logs`: another service records an event, once per `event_id` over all repetitions; an admin adds an entry by hand.
//!
//! A manual entry belongs to its author, and has an id that is derived from the author and the given id: it can neither take an
//! event's place nor pass for one.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use serde_json::Value;
use service_kit::http::auth::Claims;
use service_kit::http::envelope;
use service_kit::http::fields::{Body, Fields, FromFields, parse};
use service_kit::http::problem::{FieldErrors, Problem};
use service_kit::request_schema;
use shared_events::{EventId, EventType, UserId};

use super::Api;
use super::access::{Permitted, Record};
use super::problems::of_store;
use crate::domain::{Access, LogEntry, LogId, MAX_MESSAGE_CHARS, NewLogEntry, Visibility, example_new_log};
use crate::store::Appended;

const MAX_SOURCE_CHARS: usize = 255;
/// The source of an entry by hand, and the first word of its type.
const MANUAL: &str = "manual";
const ABOUT_DATA: &str = "Whole numbers within 64 bits and doubles are kept to the last digit, longer ones as the nearest \
    double: send those as texts.\nA number beyond a double's range, and more than 127 levels in all, are 400.";

/// The event as a service sends it.
#[derive(Debug)]
pub(super) struct RecordLog {
    event_id: EventId,
    event_type: EventType,
    source: String,
    user_id: Option<UserId>,
    date: DateTime<Utc>,
    message: String,
    data: Value,
}

impl FromFields for RecordLog {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.read_only(&["id", "received_at"]);
        let event_id = parse::uuid::<EventId>().described("The event's identity: it is recorded once.");
        let event_id = fields.required("event_id", event_id);
        let event_type = parse::via(str::parse::<EventType>).length(0, 100).pattern(r"^[a-z0-9_]+(\.[a-z0-9_]+)+$");
        let about = "`<entity>.<past verb>`; `manual.*` by hand.";
        let event_type = fields.required("event_type", event_type.described(about).example("account.created"));
        let about = "Who published the event, as a URN; `manual` by hand.";
        let source = parse::string(1, MAX_SOURCE_CHARS).described(about).example("urn:bank-service");
        let source = fields.required("source", source);
        let about = "Null or missing where nobody was logged in.";
        let user_id = fields.nullable("user_id", parse::id::<UserId>().described(about));
        let about = "UTC; kept in whole seconds. The form without a zone, as in events, is taken too.";
        let happened = fields.required("date", parse::date().described(about));
        let message = parse::string(1, MAX_MESSAGE_CHARS).described("What happened, in a sentence.");
        let message = fields.required("message", message);
        let data = fields.required("data", parse::object().described(ABOUT_DATA));
        Some(Self {
            event_id: event_id?,
            event_type: event_type?,
            source: source?,
            user_id: user_id?.flatten(),
            date: happened?,
            message: message?,
            data: Value::Object(data?),
        })
    }
}

request_schema!(RecordLog as "NewLog", "An event to record.", example_new_log());

impl RecordLog {
    fn is_manual(&self) -> bool {
        self.event_type.entity() == MANUAL
    }

    /// The request as far as this caller may record it.
    fn by(self, access: Access, claims: &Claims) -> Result<Self, Problem> {
        let mut faults = FieldErrors::new();
        let mut fault = |field: &str, text: &str| drop(faults.insert(field.to_owned(), vec![text.to_owned()]));
        if access == Access::Service {
            if self.is_manual() {
                fault("event_type", "manual.* is for entries by hand");
                return Err(Problem::validation(faults));
            }
            return Ok(self);
        }
        if !self.is_manual() {
            return Err(Problem::access_denied());
        }
        let Some(writer) = claims.user_id.and_then(|id| UserId::try_new(id).ok()) else {
            return Err(Problem::access_denied());
        };
        if self.source != MANUAL {
            fault("source", "must be manual");
        }
        if self.user_id.is_some_and(|user| user != writer) {
            fault("user_id", "must be you, or null");
        }
        if !faults.is_empty() {
            return Err(Problem::validation(faults));
        }
        let event_id = self.event_id.derive(&format!("{MANUAL}:{writer}"));
        Ok(Self { event_id, user_id: Some(writer), ..self })
    }

    fn into_entry(self, received_at: DateTime<Utc>) -> Result<NewLogEntry, Problem> {
        let Self { event_id, event_type, source, user_id, date, message, data } = self;
        NewLogEntry { event_id, event_type, source, user_id, date, message, data, received_at }
            .checked()
            .map_err(|error| Problem::validation(FieldErrors::from([("data".to_owned(), vec![error.to_string()])])))
    }
}

#[utoipa::path(
    post, path = "/api/logs", tag = "logs", operation_id = "record_log", summary = "Record an event (services), or an entry by hand (admin)",
    description = "An admin records `manual.*` only, with source `manual`: `user_id` is then the writer, and `event_id` is \
                   derived from the writer and the id that is sent.",
    request_body = RecordLog,
    responses(
        (status = 201, description = "Recorded", body = super::models::LogEnvelope),
        (status = 200, description = "It was recorded before, with the same content", body = super::models::LogEnvelope),
        super::responses::ReadProblems, super::responses::ConflictProblem,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn create(
    api: web::Data<Api>,
    caller: Permitted<Record, Body<RecordLog>>,
) -> Result<HttpResponse, Problem> {
    let (access, claims) = (caller.access, caller.claims);
    let Body(request) = caller.body;
    let entry = request.by(access, &claims)?.into_entry(api.clock.now())?;
    let outcome = api.store.append(vec![entry.clone()]).await.map_err(of_store)?.pop();
    service_kit::fail_point!("post.recorded");
    match outcome {
        Some(Appended::Recorded(id)) => {
            let occurred_at = entry.event_id.occurred_at(entry.date);
            api.metrics.recorded(entry.event_type.as_str(), occurred_at, api.clock.now());
            let location = format!("/api/logs/{}", id.as_str());
            Ok(envelope::created(&entry.with_id(id), &location))
        }
        Some(Appended::Duplicate { id, same_content: true }) => {
            api.metrics.duplicate();
            // The same answer as the first time: a caller that missed that one gets it now.
            Ok(HttpResponse::Ok().json(serde_json::json!({"msg": "item created", "item": recorded(&api, &id).await?})))
        }
        Some(Appended::Duplicate { same_content: false, .. }) => {
            let NewLogEntry { event_id, event_type, source, .. } = &entry;
            api.metrics.conflict();
            tracing::warn!(%event_id, %event_type, source, "an event came again with other content");
            Err(Problem::conflict("This event_id is recorded with other content."))
        }
        None => Err(Problem::overloaded(std::time::Duration::from_secs(1))),
    }
}

async fn recorded(api: &Api, id: &LogId) -> Result<LogEntry, Problem> {
    let entry = api.store.find(id, Visibility::Staff).await.map_err(of_store)?;
    entry.ok_or_else(|| Problem::conflict("The entry was removed meanwhile."))
}
