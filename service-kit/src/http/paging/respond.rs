//! The answer of a list.

use actix_web::http::header::LINK;
use actix_web::{HttpResponse, HttpResponseBuilder};
use chrono::SecondsFormat;
use serde::Serialize;
use utoipa::ToSchema;

use super::text::push_encoded;
use super::{FilterValue, ListQuery, Listing, PageRequest, encode_cursor};
use crate::http::problem::{ErrorCode, Problem};

/// A page of a list, or a step of a walk.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListBody<T> {
    /// How many items there are on all pages; not counted in cursor mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 4)]
    total: Option<i64>,
    /// How many pages there are; not counted in cursor mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1)]
    pages: Option<i64>,
    /// Relative URL of the next page; at the end, of the last one.
    #[schema(example = "/api/banks?page_number=1&page_size=5")]
    next: String,
    /// Relative URL of the previous page; at the start, of the first one. Absent in cursor mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/api/banks?page_number=1&page_size=5")]
    prev: Option<String>,
    results: Vec<T>,
    /// The place from which a walk with `after` continues; null after the last item.
    #[schema(required, example = "A68iAAAAAAAAAAQ")]
    cursor: Option<String>,
    /// In a walk, the place after the last item seen: ask again from here for what was added since.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "A68iAAAAAAAAAAQ")]
    tail: Option<String>,
}

/// Answers a list; a page beyond the end is 404.
pub fn respond<T: Serialize>(path: &str, query: &ListQuery, listing: Listing<T>) -> Result<HttpResponse, Problem> {
    let more = listing.more;
    let body = match query.page {
        PageRequest::Number { number, size } => numbered(path, query, listing, number, size)?,
        PageRequest::After { cursor, size } => walked(path, query, listing, cursor, size),
    };
    let mut response = HttpResponse::Ok();
    let at_start = matches!(query.page, PageRequest::Number { number: 1, .. });
    link_pages(&mut response, more.then_some(&body.next), body.prev.as_ref().filter(|_| !at_start));
    Ok(response.json(body))
}

/// Names the pages around this one, where there are any, in `Link` (RFC 8288).
pub fn link_pages(response: &mut HttpResponseBuilder, next: Option<&String>, prev: Option<&String>) {
    for (url, relation) in [(next, "next"), (prev, "prev")] {
        if let Some(url) = url {
            response.append_header((LINK, format!("<{url}>; rel=\"{relation}\"")));
        }
    }
}

fn numbered<T>(
    path: &str,
    query: &ListQuery,
    listing: Listing<T>,
    number: i64,
    size: i64,
) -> Result<ListBody<T>, Problem> {
    let total = listing.total.unwrap_or(0).max(0);
    let pages = pages(total, size);
    if number > pages.max(1) {
        return Err(beyond_the_end(pages));
    }
    let link =
        |number: i64| url(path, &[("page_number", &number.to_string()), ("page_size", &size.to_string())], query);
    Ok(ListBody {
        total: Some(total),
        pages: Some(pages),
        next: link(number.saturating_add(1).min(pages).max(1)),
        prev: Some(link(number.saturating_sub(1).max(1))),
        cursor: listing.last.filter(|_| listing.more).map(|last| encode_cursor(path, last)),
        tail: None,
        results: listing.rows,
    })
}

/// A page number is too large for a list of so many pages.
pub fn beyond_the_end(pages: i64) -> Problem {
    let last = pages.max(1);
    Problem::new(ErrorCode::NotFound, format!("This page lies beyond the end of the list; the last page is {last}."))
}

/// At the end of a walk there is no cursor; the tail stays where it is, since a live list may grow behind it.
fn walked<T>(path: &str, query: &ListQuery, listing: Listing<T>, given: Option<i128>, size: i64) -> ListBody<T> {
    let tail = listing.last.or(given).map(|last| encode_cursor(path, last)).unwrap_or_default();
    let next = url(path, &[("after", &tail), ("page_size", &size.to_string())], query);
    let cursor = listing.more.then(|| tail.clone());
    ListBody { total: None, pages: None, next, prev: None, results: listing.rows, cursor, tail: Some(tail) }
}

fn pages(total: i64, size: i64) -> i64 {
    let size = size.max(1);
    let full = total.checked_div(size).unwrap_or(0);
    full.saturating_add(i64::from(total.checked_rem(size).unwrap_or(0) > 0))
}

fn url(path: &str, page: &[(&str, &str)], query: &ListQuery) -> String {
    let mut url = String::with_capacity(path.len().saturating_add(64));
    url.push_str(path);
    let filters = query.filters.iter().map(|(name, value)| (*name, filter_text(value)));
    let parameters = page.iter().map(|(name, value)| (*name, (*value).to_owned())).chain(filters);
    for (index, (name, value)) in parameters.enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        url.push_str(name);
        url.push('=');
        push_encoded(&mut url, &value);
    }
    url
}

fn filter_text(value: &FilterValue) -> String {
    match value {
        FilterValue::Integer(number) => number.to_string(),
        FilterValue::Text(text) => text.clone(),
        FilterValue::Boolean(value) => value.to_string(),
        FilterValue::Date(date) => date.to_rfc3339_opts(SecondsFormat::AutoSi, true),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::http::paging::{Filter, FilterKind};

    const PATH: &str = "/api/banks";
    const ALLOWED: [Filter; 2] =
        [Filter { name: "q", kind: FilterKind::Text }, Filter { name: "from", kind: FilterKind::Date }];

    fn answer(query: &str, rows: Vec<i64>, total: Option<i64>) -> Result<Value, Problem> {
        let query = ListQuery::parse(PATH, query, 5, &ALLOWED)?;
        let response = respond(PATH, &query, Listing::of(query.page, rows, total, |row| *row))?;
        Ok(serde_json::from_slice(&response.into_body().try_into_bytes().unwrap()).unwrap())
    }

    #[test]
    fn the_envelope_is_the_contract_one() {
        let link = "/api/banks?page_number=1&page_size=5";
        let expected =
            json!({ "total": 4, "pages": 1, "next": link, "prev": link, "results": [1, 2, 3, 4], "cursor": null });
        assert_eq!(answer("", vec![1, 2, 3, 4], Some(4)).unwrap(), expected);
        let empty = json!({ "total": 0, "pages": 0, "next": link, "prev": link, "results": [], "cursor": null });
        assert_eq!(answer("", vec![], Some(0)).unwrap(), empty);
    }

    #[test]
    fn a_page_beyond_the_end_is_not_found() {
        assert_eq!(answer("page_number=2", vec![], Some(4)).unwrap_err().code(), ErrorCode::NotFound);
        assert_eq!(answer("page_number=2", vec![], Some(0)).unwrap_err().code(), ErrorCode::NotFound);
    }

    #[test]
    fn filters_follow_the_page_percent_encoded() {
        let body = answer("q=a%26b%20%C3%BC&page_size=2&from=2025-01-16T17:10:26.5", vec![1, 2], Some(3)).unwrap();
        let next = "/api/banks?page_number=2&page_size=2&q=a%26b%20%C3%BC&from=2025-01-16T17%3A10%3A26.500Z";
        assert_eq!(body["next"], next);
        let reread = ListQuery::parse(PATH, next.split_once('?').unwrap().1, 5, &ALLOWED).unwrap();
        assert_eq!(reread.get("q"), Some(&FilterValue::Text("a&b ü".to_owned())));
    }

    #[test]
    fn a_walk_goes_on_until_nothing_follows() {
        let first = answer("after=&page_size=2", vec![3, 4, 5], None).unwrap();
        assert_eq!((&first["results"], &first["cursor"]), (&json!([3, 4]), &json!(encode_cursor(PATH, 4))));
        assert_eq!(first["tail"], first["cursor"]);
        assert!(first.get("total").is_none() && first.get("prev").is_none());
        let query = first["next"].as_str().unwrap().split_once('?').unwrap().1.to_owned();
        let last = answer(&query, vec![5, 6], None).unwrap();
        assert_eq!((&last["results"], &last["cursor"]), (&json!([5, 6]), &Value::Null));
        assert_eq!(last["tail"], encode_cursor(PATH, 6));
        let later = last["next"].as_str().unwrap().split_once('?').unwrap().1.to_owned();
        let nothing = answer(&later, vec![], None).unwrap();
        assert_eq!(
            (&nothing["cursor"], &nothing["tail"], &nothing["next"]),
            (&Value::Null, &last["tail"], &last["next"])
        );
        assert_eq!(answer("after=", vec![], None).unwrap()["tail"], "");
    }

    #[test]
    fn a_page_has_a_cursor_unless_it_is_the_last() {
        let first = answer("page_size=2", vec![3, 4], Some(3)).unwrap();
        assert_eq!(first["cursor"], encode_cursor(PATH, 4));
        let last = answer("page_size=2&page_number=2", vec![5], Some(3)).unwrap();
        assert_eq!((&last["cursor"], last.get("tail")), (&Value::Null, None));
    }

    #[test]
    fn links_name_the_pages_that_there_are() {
        let links = |query: &str, rows: Vec<i64>, total| {
            let query = ListQuery::parse("/b", query, 5, &ALLOWED).unwrap();
            let response = respond("/b", &query, Listing::of(query.page, rows, total, |row| *row)).unwrap();
            let links = response.headers().get_all(LINK).map(|link| link.to_str().unwrap().to_owned());
            links.collect::<Vec<_>>()
        };
        let (next, prev) =
            ("</b?page_number=3&page_size=1>; rel=\"next\"", "</b?page_number=1&page_size=1>; rel=\"prev\"");
        assert_eq!(links("page_size=1&page_number=2", vec![2], Some(3)), [next, prev]);
        assert_eq!(links("page_size=5", vec![1], Some(1)), Vec::<String>::new());
        let walk = format!("</b?after={}&page_size=1>; rel=\"next\"", encode_cursor("/b", 1));
        assert_eq!(links("after=&page_size=1", vec![1, 2], None), [walk]);
        assert_eq!(links("after=&page_size=1", vec![1], None), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn following_next_visits_every_page_once_and_rests(total in 0_i64..500, size in 1_i64..=100) {
            let mut query = format!("page_size={size}");
            let expected = (total + size - 1) / size;
            for page in 1..=expected.max(1) {
                let body = answer(&query, vec![], Some(total)).unwrap();
                prop_assert_eq!(&body["pages"], &json!(expected));
                let next = body["next"].as_str().unwrap();
                let prev = format!("/api/banks?page_number={}&page_size={size}", (page - 1).max(1));
                prop_assert_eq!(body["prev"].as_str().unwrap(), prev);
                let wanted = format!("/api/banks?page_number={}&page_size={size}", (page + 1).min(expected.max(1)));
                prop_assert_eq!(next, wanted);
                query = next.split_once('?').unwrap().1.to_owned();
            }
        }
    }
}
