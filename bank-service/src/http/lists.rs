//! What all lists have in common.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use service_kit::http::paging::{self, Filter, ListQuery, Listing};
use service_kit::http::problem::{FieldErrors, Problem};

use super::AppState;
use crate::operations::errors::FindError;
use crate::store::Db;

const PAGE_SIZE: i64 = 5;
/// Of a query and of a parameter's name: what is beyond is not looked at.
const MAX_PARAMETERS: usize = 50;
const MAX_NAME: usize = 64;

/// Checks the query, loads the page and answers it.
pub(super) async fn list<T: Serialize + Send + 'static>(
    state: &AppState,
    request: &HttpRequest,
    filters: &[Filter],
    load: impl FnOnce(&mut Db, &ListQuery) -> Result<Listing<T>, FindError> + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let query = ListQuery::parse(request.query_string(), PAGE_SIZE, filters)?;
    let asked = query.clone();
    let listing = state.store.read(move |db| load(db, &asked)).await?;
    paging::respond(request.path(), &query, listing)
}

/// Refuses a query parameter that a route without pages does not know, or that is given twice, as a list does.
pub(super) fn takes_only(request: &HttpRequest, known: &[&str]) -> Result<(), Problem> {
    let (mut faults, mut seen) = (FieldErrors::new(), Vec::new());
    for (name, _) in url::form_urlencoded::parse(request.query_string().as_bytes()).take(MAX_PARAMETERS) {
        let fault = match known.iter().find(|known| **known == name) {
            Some(known) if seen.contains(known) => "must be given once",
            Some(known) => {
                seen.push(*known);
                continue;
            }
            None => "unknown parameter",
        };
        let name = name.chars().take(MAX_NAME).collect();
        faults.insert(name, vec![fault.to_owned()]);
    }
    if faults.is_empty() { Ok(()) } else { Err(Problem::validation(faults)) }
}
