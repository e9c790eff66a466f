//! `/console/flow`: the newest events and how far they have come, live; and one event with its journey.

mod events;
mod hops;
pub(super) mod hub;
mod query;
mod rows;

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use service_kit::http::problem::Problem;
use shared_events::events::EventSpec;
use shared_events::{EventId, catalog};

use crate::console::error::ConsoleError;
use crate::console::page::{fragment, page};
use crate::console::shared::Shared;
use crate::console::staff::Staff;
use crate::domain::policy::Action;
use crate::http::AppState;
use crate::store::event_list::WINDOW;
use crate::trace::{EventView, FlowPage, FlowRow, Journey};
use events::stream_events;
use hops::{Hop, hops, kind_of};
use query::{FlowFields, FlowQuery};
use rows::fingerprint;

const PAGE: &str = "/console/flow";
const STREAM: &str = "/console/flow/stream";

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/flow").route(web::get().to(show_flow)))
        .service(web::resource("/flow/stream").route(web::get().to(stream_events)))
        .service(web::resource("/flow/live/{switch}").route(web::get().to(switch_live)))
        .service(web::resource("/flow/{id}").route(web::get().to(show_event)))
        .service(web::resource("/flow/{id}/hops").route(web::get().to(show_hops)));
}

/// The variables of `flow.html`.
#[derive(Serialize)]
struct FlowView {
    fields: FlowFields,
    entities: BTreeSet<&'static str>,
    event_types: BTreeSet<&'static str>,
    rows: Vec<FlowRow>,
    /// Of `flow_rows.html`: whole items.
    is_update: bool,
    log_fault: Option<String>,
    window: i64,
    live: Option<LiveView>,
    permalink: String,
    older: Option<String>,
}

/// The variables of `flow_live.html`: the switch between a live page and one that stands still.
#[derive(Serialize)]
struct LiveView {
    is_on: bool,
    stream: String,
    switch: String,
}

#[derive(Serialize)]
struct Switched {
    live: LiveView,
}

/// The variables of `flow_event.html`, and of `flow_hops.html` in it.
#[derive(Serialize)]
struct OneEvent {
    event: EventView,
    data: String,
    journey: Journey,
    kind: &'static str,
    hops: Vec<Hop>,
}

async fn show_flow(
    shared: web::Data<Shared>,
    staff: Staff,
    request: HttpRequest,
) -> Result<HttpResponse, ConsoleError> {
    staff.may(Action::ReadEvent)?;
    let query = FlowQuery::read(request.query_string())?;
    let FlowPage { rows, older, log_fault } = shared.flow.newest(&query.filter).await?;
    // A page of older events does not change by what is newer.
    let is_newest = query.filter.before.is_none();
    let view = FlowView {
        entities: catalog::all().map(EventSpec::entity).collect(),
        event_types: catalog::all().map(|spec| spec.event_type).collect(),
        is_update: false,
        log_fault,
        window: WINDOW,
        live: is_newest.then(|| live(&query, Some(fingerprint(&rows).as_str()), true)),
        permalink: query.link(PAGE, None),
        older: older.map(|number| query.link(PAGE, Some(("before", number.to_string().as_str())))),
        fields: query.fields,
        rows,
    };
    page(&staff, &request, "Flow", "flow.html", view)
}

/// The switch after it was pressed, for htmx. A page that is live again begins with the list as it is then.
async fn switch_live(
    staff: Staff,
    request: HttpRequest,
    switch: web::Path<String>,
) -> Result<HttpResponse, ConsoleError> {
    staff.may(Action::ReadEvent)?;
    let is_on = match switch.as_str() {
        "on" => true,
        "off" => false,
        _ => return Err(Problem::not_found("page").into()),
    };
    let query = FlowQuery::read(request.query_string())?;
    fragment("flow_live.html", Switched { live: live(&query, None, is_on) })
}

/// `shown`: the fingerprint of the rows of the page, if it has just been made with them.
fn live(query: &FlowQuery, shown: Option<&str>, is_on: bool) -> LiveView {
    let stream = query.link(STREAM, shown.map(|shown| ("shown", shown)));
    let other = if is_on { "off" } else { "on" };
    LiveView { is_on, stream, switch: query.link(&format!("{PAGE}/live/{other}"), None) }
}

async fn show_event(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, ConsoleError> {
    let view = one_event(&state, &staff, &id).await?;
    let title = view.event.event_type.clone();
    page(&staff, &request, &title, "flow_event.html", view)
}

/// The journey alone, as a row of the flow page expands to it.
async fn show_hops(
    state: web::Data<AppState>,
    staff: Staff,
    id: web::Path<String>,
) -> Result<HttpResponse, ConsoleError> {
    fragment("flow_hops.html", one_event(&state, &staff, &id).await?)
}

async fn one_event(state: &AppState, staff: &Staff, id: &str) -> Result<OneEvent, ConsoleError> {
    staff.may(Action::ReadEvent)?;
    let missing = || Problem::not_found("event");
    let id: EventId = id.parse().map_err(|_| missing())?;
    let row = state.tracer().committed(id).await?.ok_or_else(missing)?;
    let event = EventView::new(row)?;
    let journey = state.tracer().follow(id).await?.ok_or_else(missing)?;
    let (data, hops, kind) = (pretty(&event.data), hops(&event, &journey), kind_of(journey.state));
    Ok(OneEvent { event, data, journey, kind, hops })
}

/// JSON for people.
pub(super) fn pretty(data: &serde_json::Value) -> String {
    serde_json::to_string_pretty(data).unwrap_or_default()
}
