//! The filters of the flow page, all of them in its address: a filtered page can be kept and passed on.

use actix_web::web;
use serde::{Deserialize, Serialize};
use service_kit::http::problem::{FieldErrors, Problem};
use url::form_urlencoded;

use crate::trace::FlowFilter;

const MAX_TYPE: usize = 100;
/// The longest id of a request that the server takes.
const MAX_REQUEST_ID: usize = 64;

/// The texts of the fields, as they are shown again; a missing one is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FlowFields {
    #[serde(rename = "type")]
    pub(super) event_type: String,
    pub(super) entity: String,
    pub(super) item: String,
    pub(super) request_id: String,
    /// The page before this row of the outbox.
    pub(super) before: String,
    /// Of the stream: the fingerprint of the rows that the page shows.
    pub(super) shown: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FlowQuery {
    pub(super) fields: FlowFields,
    pub(super) filter: FlowFilter,
}

impl FlowQuery {
    /// 422 with all faults at once; 400 if it is no query of this page.
    pub(super) fn read(text: &str) -> Result<Self, Problem> {
        let fields = web::Query::<FlowFields>::from_query(text);
        let fields =
            fields.map_err(|_| Problem::malformed("The address has other parameters than this page."))?.into_inner();
        let mut faults = FieldErrors::new();
        let mut check = |name: &str, fits: bool, message: &str| {
            if !fits {
                faults.insert(name.to_owned(), vec![message.to_owned()]);
            }
        };
        let name_of = "must be lower-case letters, digits, underscores and dots";
        check("type", is_name(&fields.event_type), name_of);
        check("entity", is_name(&fields.entity), name_of);
        check(
            "request_id",
            is_request_id(&fields.request_id),
            "must be at most 64 letters, digits, dots, hyphens and underscores",
        );
        for (name, text) in [("item", &fields.item), ("before", &fields.before)] {
            check(name, text.is_empty() || number(text).is_some(), "must be a whole number from 1");
        }
        if !faults.is_empty() {
            return Err(Problem::validation(faults));
        }
        let text = |given: &String| Some(given.clone()).filter(|given| !given.is_empty());
        let filter = FlowFilter {
            event_type: text(&fields.event_type),
            entity: text(&fields.entity),
            item_id: number(&fields.item),
            request_id: text(&fields.request_id),
            before: number(&fields.before),
        };
        Ok(Self { fields, filter })
    }

    /// A link with the same filters, and one more parameter.
    pub(super) fn link(&self, path: &str, more: Option<(&str, &str)>) -> String {
        let FlowFields { event_type, entity, item, request_id, .. } = &self.fields;
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("type", event_type), ("entity", entity), ("item", item), ("request_id", request_id)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if let Some((name, value)) = more {
            query.append_pair(name, value);
        }
        match query.finish() {
            query if query.is_empty() => path.to_owned(),
            query => format!("{path}?{query}"),
        }
    }
}

fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'.';
    text.len() <= MAX_TYPE && text.bytes().all(is_part)
}

fn is_request_id(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.len() <= MAX_REQUEST_ID && text.bytes().all(is_part)
}

fn number(text: &str) -> Option<i64> {
    text.parse::<i64>().ok().filter(|number| *number >= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_and_its_link_finds_the_same() {
        let query = FlowQuery::read("type=&entity=card&item=12&request_id=a-1.B_2&before=9").unwrap();
        assert_eq!((query.filter.entity.as_deref(), query.filter.item_id), (Some("card"), Some(12)));
        assert_eq!((query.filter.event_type.as_deref(), query.filter.before), (None, Some(9)));
        let link = query.link("/console/flow", Some(("shown", "0a")));
        assert_eq!(link, "/console/flow?entity=card&item=12&request_id=a-1.B_2&shown=0a");
        assert_eq!(FlowQuery::read("").unwrap().link("/console/flow", None), "/console/flow");
    }

    #[test]
    fn what_is_no_filter_is_refused_by_name() {
        let faults = |text: &str| FlowQuery::read(text).unwrap_err().errors().keys().cloned().collect::<Vec<_>>();
        assert_eq!(
            faults("type=a%25&entity=B&item=x&request_id=a%5C&before=0"),
            ["before", "entity", "item", "request_id", "type"]
        );
        assert!(FlowQuery::read("color=red").is_err() && FlowQuery::read("item=1&item=2").is_err());
        assert_eq!(faults(&format!("request_id={}", "a".repeat(65))), ["request_id"]);
    }
}
