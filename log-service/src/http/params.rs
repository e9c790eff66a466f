//! Query parameters: all faults at once, unknown names refused.
//!
//! The cursor is this service's own: an entry's id is a text of its store's making, not a number.

use std::collections::BTreeMap;
use std::fmt::Display;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use service_kit::http::GREATEST_NUMBER;
use service_kit::http::paging::{ParameterFaults, number_between, parameters};
use service_kit::http::problem::Problem;
use shared_events::{UserId, date};

use crate::domain::{Filter, LogId, Order};

const MAX_TEXT_CHARS: usize = 100;
const MAX_SOURCE_CHARS: usize = 255;

/// The parameters of a request, taken one by one.
pub(super) struct Params {
    given: BTreeMap<String, String>,
    /// In their original form, for links.
    kept: Vec<(String, String)>,
    faults: ParameterFaults,
}

impl Params {
    /// Reads a query string; 400 if it is not percent-encoded UTF-8, or too long.
    pub(super) fn read(query: &str) -> Result<Self, Problem> {
        let mut params = Self { given: BTreeMap::new(), kept: Vec::new(), faults: ParameterFaults::default() };
        for (name, value) in parameters(query)? {
            if params.given.insert(name.clone(), value).is_some() {
                params.fault(&name, "must be given once");
            }
        }
        Ok(params)
    }

    pub(super) fn fault(&mut self, name: &str, message: impl Display) {
        self.faults.add(name, message.to_string());
    }

    /// A parameter that is not repeated in links.
    pub(super) fn take<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.given.remove(name)?;
        parse(&text).map_err(|message| self.fault(name, message)).ok()
    }

    /// A parameter that links repeat.
    fn keep<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.given.get(name).cloned()?;
        let value = self.take(name, parse)?;
        self.kept.push((name.to_owned(), text));
        Some(value)
    }

    pub(super) fn order(&mut self) -> Order {
        let parse = |text: &str| match text {
            "asc" => Ok(Order::Ascending),
            "desc" => Ok(Order::Descending),
            _ => Err("must be asc or desc".to_owned()),
        };
        self.keep("order", parse).unwrap_or_default()
    }

    pub(super) fn filter(&mut self) -> Filter {
        let filter = Filter {
            user_id: self.keep("user_id", user_id),
            event_type: self.keep("event_type", |text| bounded(text, MAX_TEXT_CHARS)),
            source: self.keep("source", |text| bounded(text, MAX_SOURCE_CHARS)),
            from: self.keep("from", |text| read_date(date::parse(text))),
            to: self.keep("to", |text| read_date(date::parse_end(text))),
            text: self.keep("q", |text| bounded(text, MAX_TEXT_CHARS)),
        };
        if let (Some(from), Some(to)) = (filter.from, filter.to)
            && from > to
        {
            self.fault("to", "must not be before from");
        }
        filter
    }

    /// The faults, if any; a parameter that no call took is unknown. Returns the parameters that links repeat, in order.
    pub(super) fn finish(mut self) -> Result<Vec<(String, String)>, Problem> {
        for name in self.given.keys() {
            self.faults.unknown(name);
        }
        self.faults.finish().map(|()| self.kept)
    }
}

fn user_id(text: &str) -> Result<UserId, String> {
    let id = number_between(text, 1, GREATEST_NUMBER)?;
    UserId::try_new(id).map_err(|error| error.to_string())
}

fn bounded(text: &str, max: usize) -> Result<String, String> {
    let fits = (1..=max).contains(&text.chars().count()) && !text.contains('\0');
    if fits { Ok(text.to_owned()) } else { Err(format!("must have 1 to {max} characters, and no NUL among them")) }
}

fn read_date(date: Option<DateTime<Utc>>) -> Result<DateTime<Utc>, String> {
    date.ok_or_else(|| "must be a UTC date such as 2025-01-16T17:10:26Z".to_owned())
}

/// A position as clients see it: opaque and safe in a URL.
pub(super) fn encode_cursor(id: &LogId) -> String {
    URL_SAFE_NO_PAD.encode(id.as_str())
}

pub(super) fn decode_cursor(text: &str) -> Option<LogId> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?.parse().ok()
}

/// A relative link: the path, then the parameters in their order.
pub(super) fn link(path: &str, first: &[(&str, &str)], kept: &[(String, String)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(first).extend_pairs(kept);
    format!("{path}?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is() {
        let id: LogId = "42".parse().unwrap();
        assert_eq!(decode_cursor(&encode_cursor(&id)), Some(id));
        for bad in ["", "42", "!!", "LTE", "a=b"] {
            assert_eq!(decode_cursor(bad), None, "{bad:?}");
        }
    }
}
