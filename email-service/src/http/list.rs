//! `GET /api/emails`

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::paging::{self, Filter, FilterKind, FilterValue, ListBody, ListQuery, Listing, PageRequest};
use service_kit::http::problem::{FieldErrors, Problem};

use super::openapi::ListProblems;
use super::problem_map::store_problem;
use super::{DeliveryView, Parts};
use crate::store::{Part, Selection};

const DEFAULT_SIZE: i64 = 5;
const FILTERS: &[Filter] = &[
    Filter { name: "event_id", kind: FilterKind::Text },
    Filter { name: "event_type", kind: FilterKind::Text },
    Filter { name: "state", kind: FilterKind::Text },
];

/// Recent deliveries, ordered by id.
#[utoipa::path(
    get, path = "/api/emails", tag = "emails", operation_id = "list_emails",
    params(
        ("page_number" = Option<i64>, Query, minimum = 1, maximum = 92_233_720_368_547_758_i64, description = "From 1; default 1. Not together with after."),
        ("page_size" = Option<i64>, Query, minimum = 1, maximum = 100, description = "1 to 100; default 5."),
        ("after" = Option<String>, Query, pattern = "^(AQ[A-Za-z0-9_-]{10})?$", description = "A cursor of a previous answer, or empty to start a walk; instead of page_number."),
        ("event_id" = Option<String>, Query, format = Uuid, description = "A UUID."),
        ("event_type" = Option<String>, Query, min_length = 1, max_length = 255, pattern = r"^[^\u0000]*$", example = "account.created"),
        ("state" = Option<String>, Query, pattern = "^(sending|sent|rejected|failed)$", description = "sending, sent, rejected or failed."),
    ),
    responses((status = 200, description = "One page of deliveries.", body = ListBody<DeliveryView>), ListProblems),
)]
pub(super) async fn list_emails(request: HttpRequest, parts: web::Data<Parts>) -> Result<HttpResponse, Problem> {
    let query = ListQuery::parse(request.query_string(), DEFAULT_SIZE, FILTERS)?;
    let part = match query.page {
        PageRequest::Number { size, .. } => Part::Page { offset: query.page.offset(), size },
        PageRequest::After { cursor, .. } => Part::After { id: cursor.unwrap_or(0), size: query.page.limit() },
    };
    let found = parts.store.list(selection(&query)?, part).await.map_err(|error| store_problem(&error))?;
    let rows: Vec<DeliveryView> = found.deliveries.iter().map(DeliveryView::from).collect();
    let listing = Listing::of(query.page, rows, found.total, |delivery| delivery.id);
    paging::respond(request.path(), &query, listing)
}

fn selection(query: &ListQuery) -> Result<Selection, Problem> {
    let mut faults = FieldErrors::new();
    let mut fault = |name: &str, message: String| drop(faults.insert(name.to_owned(), vec![message]));
    let text = |name| match query.get(name) {
        Some(FilterValue::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    let event_id =
        text("event_id").and_then(|text| text.parse().map_err(|_| fault("event_id", "must be a UUID".to_owned())).ok());
    let state = text("state").and_then(|text| text.parse().map_err(|error| fault("state", error)).ok());
    let event_type = text("event_type").map(str::to_owned);
    if faults.is_empty() { Ok(Selection { event_id, event_type, state }) } else { Err(Problem::validation(faults)) }
}
