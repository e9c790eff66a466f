//! `GET /api/logs`: by page number, or by cursor for deep and live walks.
//!
//! A page number costs as much as it skips, so it reaches only as far as the count (10,000 entries); a cursor costs the same
//! at any depth. After the last entry there is no cursor, which ends a walk; the tail stays valid: a later request from there
//! misses no entry.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use service_kit::http::paging::{MAX_PAGE_NUMBER, MAX_PAGE_SIZE, beyond_the_end, link_pages, number_between};
use service_kit::http::problem::{ErrorCode, FieldErrors, Problem};
use utoipa::ToSchema;

use super::Api;
use super::access::{Permitted, Read};
use super::params::{Params, decode_cursor, encode_cursor, link};
use super::problems::of_store;
use crate::domain::{Filter, LogEntry, LogId, Order, Selection};
use crate::store::{COUNT_LIMIT, Start, Window};

const DEFAULT_SIZE: i64 = 10;

/// The parameters of a list.
struct ListParams {
    paging: Paging,
    size: i64,
    order: Order,
    filter: Filter,
    kept: Vec<(String, String)>,
}

enum Paging {
    Number(i64),
    After(Option<LogId>),
}

/// A page, or a step of a cursor walk (which has neither `total`, `pages` nor `prev`).
#[derive(Default, Serialize, ToSchema)]
pub(super) struct LogList {
    /// Exact up to 10,000; 10001 stands for more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1, minimum = 0, maximum = 10_001, nullable = false)]
    total: Option<i64>,
    /// True if there are more than 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    total_is_capped: Option<bool>,
    /// How many pages there are; like `total`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1, minimum = 0, maximum = 10_001, nullable = false)]
    pages: Option<i64>,
    /// Relative. At the last page the last page; in a cursor walk the next step.
    #[schema(example = "/api/logs?page_number=1&page_size=10")]
    next: String,
    /// Relative. At the first page the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/api/logs?page_number=1&page_size=10", nullable = false)]
    prev: Option<String>,
    /// The entries of the page.
    results: Vec<LogEntry>,
    /// The place from which `after` continues; null after the last entry.
    #[schema(required, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
    /// In a walk, the place after the last entry seen: ask again from here for what was recorded since.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[A-Za-z0-9_-]*$", nullable = false)]
    tail: Option<String>,
}

impl ListParams {
    fn parse(query: &str, is_position: impl Fn(&LogId) -> bool) -> Result<Self, Problem> {
        let mut params = Params::read(query)?;
        let not_ours = || "must be a cursor that a list has returned".to_owned();
        let after = params.take("after", |text| match text {
            "" => Ok(None),
            text => decode_cursor(text).filter(is_position).map(Some).ok_or_else(not_ours),
        });
        let page = params.take("page_number", |text| number_between(text, 1, MAX_PAGE_NUMBER));
        let size = params.take("page_size", |text| number_between(text, 1, MAX_PAGE_SIZE)).unwrap_or(DEFAULT_SIZE);
        // Generated clients always send the first page's number, which is the default.
        if after.is_some() && page.is_some_and(|page| page != 1) {
            params.fault("page_number", "cannot be combined with after");
        }
        let (order, filter) = (params.order(), params.filter());
        let paging = after.map_or(Paging::Number(page.unwrap_or(1)), Paging::After);
        Ok(Self { paging, size, order, filter, kept: params.finish()? })
    }
}

#[utoipa::path(
    get, path = "/api/logs", tag = "logs", operation_id = "list_logs", summary = "List entries",
    params(super::models::PageParams, super::models::FilterParams, super::models::OrderParam),
    responses(
        (status = 200, description = "A page; or a step of a cursor walk, if `after` was given", body = LogList),
        super::responses::ReadProblems, super::responses::PageProblems,
    ),
    security(("bearer" = [])),
)]
pub(super) async fn list(
    api: web::Data<Api>,
    caller: Permitted<Read>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let params = ListParams::parse(request.query_string(), |id| api.store.is_position(id))?;
    let selection = Selection { visibility: caller.visibility()?, filter: params.filter.clone() };
    match &params.paging {
        Paging::Number(page) => by_number(&api, request.path(), &params, &selection, *page).await,
        Paging::After(after) => by_cursor(&api, request.path(), &params, &selection, after.clone()).await,
    }
}

async fn by_number(
    api: &Api,
    path: &str,
    params: &ListParams,
    selection: &Selection,
    page: i64,
) -> Result<HttpResponse, Problem> {
    let total = api.store.count(selection, COUNT_LIMIT).await.map_err(of_store)?;
    let capped = total >= COUNT_LIMIT;
    let pages = (total + params.size - 1) / params.size;
    if page > pages.max(1) {
        return Err(if capped { too_deep() } else { beyond_the_end(pages) });
    }
    let start = Start::Offset((page - 1) * params.size);
    let window = Window { order: params.order, start, limit: params.size, until: None };
    let results = api.store.read(selection, window).await.map_err(of_store)?;
    let size = params.size.to_string();
    let to = |page: i64| link(path, &[("page_number", &page.to_string()), ("page_size", &size)], &params.kept);
    let (next, prev) = (to((page + 1).min(pages).max(1)), to((page - 1).max(1)));
    let more = page < pages;
    let mut response = HttpResponse::Ok();
    link_pages(&mut response, more.then_some(&next), (page > 1).then_some(&prev));
    Ok(response.json(LogList {
        total: Some(total),
        total_is_capped: capped.then_some(true),
        pages: Some(pages),
        next,
        prev: Some(prev),
        cursor: results.last().filter(|_| more).map(|entry| encode_cursor(&entry.id)),
        results,
        tail: None,
    }))
}

async fn by_cursor(
    api: &Api,
    path: &str,
    params: &ListParams,
    selection: &Selection,
    after: Option<LogId>,
) -> Result<HttpResponse, Problem> {
    // One more than fits shows whether this is the last page.
    let start = Start::After(after.clone());
    let window = Window { order: params.order, start, limit: params.size + 1, until: None };
    let mut results = api.store.read(selection, window).await.map_err(of_store)?;
    let size = usize::try_from(params.size).unwrap_or(usize::MAX);
    let more = results.len() > size;
    results.truncate(size);
    let tail = results.last().map(|entry| &entry.id).or(after.as_ref()).map(encode_cursor).unwrap_or_default();
    let next = link(path, &[("after", &tail), ("page_size", &params.size.to_string())], &params.kept);
    let mut response = HttpResponse::Ok();
    link_pages(&mut response, more.then_some(&next), None);
    let cursor = more.then(|| tail.clone());
    Ok(response.json(LogList { next, results, cursor, tail: Some(tail), ..LogList::default() }))
}

fn too_deep() -> Problem {
    let advice = "pages reach to the first 10,000 entries; read on with ?after=<cursor> or narrow the filters";
    Problem::new(ErrorCode::ValidationFailed, format!("Page numbers do not reach that deep: {advice}."))
        .with_errors(FieldErrors::from([("page_number".to_owned(), vec![advice.to_owned()])]))
}
