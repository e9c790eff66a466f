//! The handler that all lists share.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use service_kit::http::paging::{self, Filter, ListQuery, Listing};
use service_kit::http::problem::Problem;

use super::AppState;
use crate::operations::errors::FindError;
use crate::store::Db;

pub(super) const PAGE_SIZE: i64 = 5;

/// Checks the query, loads the page and returns it.
pub(super) async fn list<T: Serialize + Send + 'static>(
    state: &AppState,
    request: &HttpRequest,
    filters: &[Filter],
    load: impl FnOnce(&mut Db, &ListQuery) -> Result<Listing<T>, FindError> + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let query = ListQuery::parse(request.path(), request.query_string(), PAGE_SIZE, filters)?;
    let requested = query.clone();
    let listing = state.store.read(move |db| load(db, &requested)).await?;
    paging::respond(request.path(), &query, listing)
}
