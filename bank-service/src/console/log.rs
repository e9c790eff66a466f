//! `/console/log`: the entries of log-service, by its API: search, one entry, and the export as CSV.
//!
//! log-service defuses cells that a spreadsheet would run as formulas. A file that takes too long, or whose session ends, is broken
//! off, and the browser shows it as failed.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service_kit::http::problem::Problem;
use service_kit::http::server::head_only;
use url::form_urlencoded;

use super::error::ConsoleError;
use super::flow::pretty;
use super::page::{page, page_with};
use super::peers::{Peer, PeerFault};
use super::staff::Staff;
use crate::http::AppState;

const PAGE: &str = "/console/log";
const PAGE_SIZE: usize = 25;
/// The length of `2026-01-16T17:10`, as browsers send a time without seconds.
const MINUTES: usize = 16;
const MAX_ID: usize = 64;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/log").route(web::get().to(show_list)))
        .service(web::resource("/log/export").route(web::get().to(export)))
        .service(web::resource("/log/{id}").route(web::get().to(show_entry)));
}

/// The filters, as they are shown again; an empty one is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Filters {
    event_type: String,
    user_id: String,
    from: String,
    to: String,
    q: String,
    after: String,
}

/// An entry, of which the page shows these fields.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    id: String,
    event_id: String,
    event_type: String,
    source: String,
    user_id: Option<i64>,
    date: String,
    message: String,
    data: Value,
    received_at: String,
}

#[derive(Deserialize)]
struct Walk {
    results: Vec<Entry>,
    cursor: Option<String>,
}

/// The variables of `log.html`.
#[derive(Serialize)]
struct ListView {
    filters: Filters,
    entries: Vec<Entry>,
    fault: Option<PeerFault>,
    export: String,
    first: Option<String>,
    next: Option<String>,
}

/// The variables of `log_entry.html`.
#[derive(Serialize)]
struct EntryView {
    entry: Option<Entry>,
    data: String,
    fault: Option<PeerFault>,
}

impl Filters {
    fn read(text: &str) -> Result<Self, Problem> {
        let filters = web::Query::<Self>::from_query(text);
        let filters = filters.map_err(|_| Problem::malformed("The address has other parameters than this page."))?;
        Ok(filters.into_inner())
    }

    /// The filters as log-service takes them.
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let Self { event_type, user_id, from, to, q, .. } = self;
        let all = [("event_type", event_type), ("user_id", user_id), ("from", from), ("to", to), ("q", q)];
        let given = all.into_iter().map(|(name, value)| (name, value.trim())).filter(|(_, value)| !value.is_empty());
        let with_seconds = |(name, value): (&'static str, &str)| match name {
            "from" | "to" if value.len() == MINUTES => (name, format!("{value}:00")),
            _ => (name, value.to_owned()),
        };
        given.map(with_seconds).collect()
    }

    /// A link to a path with the same filters.
    fn link(&self, path: &str, after: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.parameters());
        query.extend_pairs(after.map(|after| ("after", after)));
        match query.finish() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }
}

async fn show_list(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
) -> Result<HttpResponse, ConsoleError> {
    let filters = Filters::read(request.query_string())?;
    let found = entries(&state, &staff, &filters).await;
    let (entries, next, fault) = match found {
        Ok(Walk { results, cursor }) => (results, cursor.map(|after| filters.link(PAGE, Some(&after))), None),
        Err(fault) => (Vec::new(), None, Some(fault)),
    };
    let first = Some(filters.link(PAGE, None)).filter(|_| !filters.after.is_empty());
    let export = filters.link("/console/log/export", None);
    page(&staff, &request, "Log", "log.html", ListView { filters, entries, fault, export, first, next })
}

/// The newest entries first.
async fn entries(state: &AppState, staff: &Staff, filters: &Filters) -> Result<Walk, PeerFault> {
    let mut query = filters.parameters();
    query.extend([
        ("order", "desc".to_owned()),
        ("page_size", PAGE_SIZE.to_string()),
        ("after", filters.after.clone()),
    ]);
    Peer::log_service(state, staff)?.get("/api/logs", &query).await
}

async fn show_entry(
    state: web::Data<AppState>,
    staff: Staff,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, ConsoleError> {
    let missing = || Problem::not_found("entry of the log");
    let id = id.into_inner();
    let is_id = (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_id {
        return Err(missing().into());
    }
    let path = format!("/api/logs/{id}");
    let found = async { Peer::log_service(&state, &staff)?.get::<Entry>(&path, &[]).await };
    let view = match found.await {
        Ok(entry) => EntryView { data: pretty(&entry.data), entry: Some(entry), fault: None },
        Err(fault) if fault.is_missing() => return Err(missing().into()),
        Err(fault) => EntryView { data: String::new(), entry: None, fault: Some(fault) },
    };
    page(&staff, &request, "An entry of the log", "log_entry.html", view)
}

/// Passes the file on as log-service writes it; without the file, the page with the fault.
async fn export(state: web::Data<AppState>, staff: Staff, request: HttpRequest) -> Result<HttpResponse, ConsoleError> {
    let filters = Filters::read(request.query_string())?;
    if head_only() {
        return Ok(csv().finish());
    }
    let mut query = filters.parameters();
    query.push(("format", "csv".to_owned()));
    let file = async { Peer::log_service_for_download(&state, &staff)?.download("/api/logs/export", &query).await };
    match file.await {
        Ok(file) => Ok(csv().streaming(file.bytes_stream())),
        Err(fault) => {
            let export = filters.link("/console/log/export", None);
            let view = ListView { filters, entries: Vec::new(), fault: Some(fault), export, first: None, next: None };
            page_with(StatusCode::BAD_GATEWAY, &staff, &request, "Log", "log.html", view)
        }
    }
}

fn csv() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8; header=present"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"logs.csv\""));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_passed_on_without_the_empty_ones_and_times_get_seconds() {
        let filters =
            Filters::read("event_type=&user_id=7&from=2026-01-16T17%3A10&to=2026-01-17&q=+a%26b+&after=Mg").unwrap();
        let expected = [("user_id", "7"), ("from", "2026-01-16T17:10:00"), ("to", "2026-01-17"), ("q", "a&b")];
        assert_eq!(filters.parameters(), expected.map(|(name, value)| (name, value.to_owned())));
        let link = filters.link(PAGE, Some("x"));
        assert_eq!(link, "/console/log?user_id=7&from=2026-01-16T17%3A10%3A00&to=2026-01-17&q=a%26b&after=x");
        assert!(Filters::read("color=red").is_err());
        assert_eq!(Filters::read("").unwrap().link(PAGE, None), PAGE);
    }
}
