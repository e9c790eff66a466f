//! Lists of the console: in cursor order, with filters from the URL's query, which is the link to what is shown.

use actix_web::HttpRequest;
use serde::Serialize;
use service_kit::http::paging::{Filter, IdKind, ListQuery, Listing, PageRequest, encode_cursor};
use url::form_urlencoded::{Serializer, parse};

use super::error::ConsoleError;

/// Rows of a page. At 100 rows of long names a page would pass its 60 KB.
const PAGE_SIZE: i64 = 25;

/// The query of a list whose ids are numbers. Fields that a form has sent empty are no filters.
pub(super) fn read(request: &HttpRequest, filters: &[Filter]) -> Result<ListQuery, ConsoleError> {
    read_of(IdKind::Number, request, filters)
}

/// The same of a list with ids of this kind.
pub(super) fn read_of(ids: IdKind, request: &HttpRequest, filters: &[Filter]) -> Result<ListQuery, ConsoleError> {
    let mut text = Serializer::new(String::new());
    let given = parse(request.query_string().as_bytes()).filter(|(_, value)| !value.trim().is_empty());
    let mut is_walk = false;
    for (name, value) in given {
        is_walk |= name == "after";
        text.append_pair(&name, value.trim());
    }
    if !is_walk {
        text.append_pair("after", "");
    }
    Ok(ListQuery::parse_of(ids, request.path(), &text.finish(), PAGE_SIZE, filters)?)
}

/// A page of a list, for its template.
#[derive(Serialize)]
pub(super) struct Page<T> {
    pub(super) rows: Vec<T>,
    /// The start of the list; none on its first page.
    first: Option<String>,
    next: Option<String>,
    /// What the list is filtered by, as it was given.
    given: std::collections::BTreeMap<String, String>,
}

impl<T> Page<T> {
    pub(super) fn new(request: &HttpRequest, query: &ListQuery, listing: Listing<T>) -> Self {
        let given = parse(request.query_string().as_bytes());
        let given = given.filter(|(name, value)| name != "after" && !value.trim().is_empty());
        let given = given.map(|(name, value)| (name.into_owned(), value.trim().to_owned())).collect();
        let is_first = matches!(query.page, PageRequest::After { cursor: None, .. } | PageRequest::Number { .. });
        let link = |after: Option<String>| {
            let mut text = Serializer::new(String::new());
            text.extend_pairs(&given);
            if let Some(after) = after {
                text.append_pair("after", &after);
            }
            format!("{}?{}", request.path(), text.finish())
        };
        let next = listing.last.filter(|_| listing.more).map(|last| link(Some(encode_cursor(request.path(), last))));
        let first = (!is_first).then(|| link(None));
        Self { rows: listing.rows, first, next, given }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use service_kit::http::paging::FilterKind;

    use super::*;

    const NAME: &[Filter] = &[Filter { name: "name", kind: FilterKind::Text }];

    fn page(uri: &str, last: i128, more: bool) -> Page<i64> {
        let request = TestRequest::with_uri(uri).to_http_request();
        let query = read(&request, NAME).unwrap();
        Page::new(&request, &query, Listing { rows: vec![1], total: None, last: Some(last), more })
    }

    #[test]
    fn links_keep_the_filters_and_empty_fields_are_none() {
        let first = page("/console/bank/banks?name=a%26b", 7, true);
        let next = first.next.unwrap();
        assert!(next.starts_with("/console/bank/banks?name=a%26b&after="), "{next}");
        assert_eq!(first.first, None);
        let last = page(&next, 9, false);
        assert_eq!((last.next, last.first.as_deref()), (None, Some("/console/bank/banks?name=a%26b")));
        assert!(page("/console/bank/banks?name=", 7, false).given.is_empty());
        let unknown = TestRequest::with_uri("/console/bank/banks?password=x").to_http_request();
        assert!(read(&unknown, NAME).is_err());
    }
}
