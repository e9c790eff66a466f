//! `POST /api/logs/lookup`: another service asks which of its events are recorded. It learns nothing of their content.

use actix_web::{HttpResponse, web};
use chrono::SecondsFormat;
use serde::Serialize;
use service_kit::http::fields::{Body, Fields, FromFields, parse};
use service_kit::http::problem::Problem;
use service_kit::messaging::InFlightReport;
use service_kit::request_schema;
use shared_events::EventId;
use utoipa::ToSchema;

use super::Api;
use super::access::{LookUp, Permitted};
use super::problems::of_store;
use crate::store::Recorded;

/// How many events one request may ask for.
const MAX_EVENTS: usize = 500;

/// The events that a request asks for.
#[derive(Debug)]
pub(super) struct Lookup(Vec<EventId>);

impl FromFields for Lookup {
    fn read(fields: &mut Fields) -> Option<Self> {
        let events = parse::list(0, MAX_EVENTS, parse::uuid::<EventId>());
        fields.required("event_ids", events.described("The ids of the events, at most 500.")).map(Self)
    }
}

request_schema!(Lookup as "LookupRequest", "The events to look for.");

/// Those of them that are recorded.
#[derive(Serialize, ToSchema)]
pub(super) struct LookupAnswer {
    /// The patterns of the events that are taken from the broker: others come in by HTTP alone.
    routing_keys: Vec<String>,
    /// The messages of the queue that this process handles now; null without a broker.
    hands: Option<InFlight>,
    /// The events that are recorded.
    results: Vec<RecordedEvent>,
}

/// Asked twice: if `quiet_moments` is another number, all that had left the queue at the first time is settled.
#[derive(Serialize, ToSchema)]
#[schema(as = Hands)]
struct InFlight {
    /// The process that answers.
    replica: String,
    /// How many of the queue's consumers it runs.
    #[schema(minimum = 0)]
    consumers: u32,
    /// At how many moments nothing was in hand, and nothing waited to be taken.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_u64)]
    quiet_moments: u64,
}

impl From<InFlightReport> for InFlight {
    fn from(InFlightReport { replica, consumers, quiet_moments }: InFlightReport) -> Self {
        Self { replica, consumers, quiet_moments }
    }
}

/// An event that is recorded.
#[derive(Serialize, ToSchema)]
struct RecordedEvent {
    /// The event's identity.
    #[schema(format = Uuid)]
    event_id: String,
    /// The entry's id.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9]+$")]
    id: String,
    /// With fractions of a second.
    #[schema(format = DateTime)]
    received_at: String,
}

impl From<Recorded> for RecordedEvent {
    fn from(recorded: Recorded) -> Self {
        let received_at = recorded.received_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        Self { event_id: recorded.event_id.to_string(), id: recorded.id.as_str().to_owned(), received_at }
    }
}

#[utoipa::path(
    post, path = "/api/logs/lookup", tag = "logs", operation_id = "look_up_logs",
    summary = "Ask which events are recorded (services)",
    request_body = Lookup,
    responses(
        (status = 200, description = "The events that are recorded; the others are missing here", body = LookupAnswer),
        super::responses::ReadProblems,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn lookup(
    api: web::Data<Api>,
    caller: Permitted<LookUp, Body<Lookup>>,
) -> Result<HttpResponse, Problem> {
    let Body(Lookup(events)) = caller.body;
    // Before the store is read: the read finds the entries that are settled by then.
    let hands = api.in_flight.get().and_then(|hands| hands()).map(InFlight::from);
    let found = api.store.lookup(&events).await.map_err(of_store)?;
    Ok(HttpResponse::Ok().json(LookupAnswer {
        routing_keys: api.bindings.iter().map(ToString::to_string).collect(),
        hands,
        results: found.into_iter().map(RecordedEvent::from).collect(),
    }))
}
