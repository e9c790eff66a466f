//! `GET /api/emails`

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::paging::{self, Filter, FilterKind, ListBody, ListQuery, Listing, PageRequest};
use service_kit::http::problem::{ErrorCode, FieldErrors, Problem};
use url::form_urlencoded;

use super::problem_map::store_problem;
use super::responses::ListProblems;
use super::{DeliveryView, Parts};
use crate::domain::State;
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
    params(super::list_params::ListParams),
    responses((status = 200, description = "One page of deliveries.", body = ListBody<DeliveryView>), ListProblems),
)]
pub(super) async fn list_emails(request: HttpRequest, parts: web::Data<Parts>) -> Result<HttpResponse, Problem> {
    let (query, selection) = read(request.path(), request.query_string())?;
    let part = match query.page {
        PageRequest::Number { size, .. } => Part::Page { offset: query.page.offset(), size },
        PageRequest::After { .. } => Part::After { id: query.page.after_id().unwrap_or(0), size: query.page.limit() },
    };
    let found = parts.store.list(selection, part).await.map_err(|error| store_problem(&error))?;
    let rows: Vec<DeliveryView> = found.deliveries.iter().map(DeliveryView::from).collect();
    let listing = Listing::of(query.page, rows, found.total, |delivery| delivery.id);
    paging::respond(request.path(), &query, listing)
}

/// The page and the deliveries that are asked for, or all that is wrong with both.
fn read(path: &str, query_string: &str) -> Result<(ListQuery, Selection), Problem> {
    let query = ListQuery::parse(path, query_string, DEFAULT_SIZE, FILTERS);
    let mut faults = match &query {
        Ok(_) => FieldErrors::new(),
        Err(problem) if problem.code() == ErrorCode::ValidationFailed => problem.errors().clone(),
        Err(problem) => return Err(problem.clone()),
    };
    let mut selection = Selection::default();
    for (name, value) in form_urlencoded::parse(query_string.as_bytes()) {
        let fault = match &*name {
            "event_id" => {
                selection.event_id = value.parse().ok();
                selection.event_id.is_none().then(|| "must be a UUID".to_owned())
            }
            "state" => value.parse::<State>().map(|state| selection.state = Some(state)).err(),
            "event_type" => {
                selection.event_type = Some(value.into_owned());
                None
            }
            _ => None,
        };
        if let Some(fault) = fault {
            faults.entry(name.into_owned()).or_insert_with(|| vec![fault]);
        }
    }
    match query {
        Ok(query) if faults.is_empty() => Ok((query, selection)),
        Ok(_) | Err(_) => Err(Problem::validation(faults)),
    }
}
