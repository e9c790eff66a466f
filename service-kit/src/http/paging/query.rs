//! Reading a list's query string.

use super::text::pairs;
use super::{Filter, FilterKind, FilterValue, ListQuery, MAX_PAGE_NUMBER, MAX_PAGE_SIZE, PageRequest, decode_cursor};
use crate::http::problem::{FieldErrors, Problem};

/// More parameters than any list has; the rest of a longer query is not looked at.
const MAX_PARAMETERS: usize = 50;
const MAX_TEXT: usize = 255;

struct Reader {
    faults: FieldErrors,
    number: Option<i64>,
    size: Option<i64>,
    #[expect(clippy::option_option, reason = "absent, empty and a cursor are three things")]
    /// `after` was given; the inner value is the decoded cursor.
    after: Option<Option<i64>>,
    filters: Vec<(&'static str, FilterValue)>,
}

impl ListQuery {
    /// Checks a query string against the list's filters; all faults at once.
    pub fn parse(query_string: &str, default_size: i64, allowed: &[Filter]) -> Result<Self, Problem> {
        let pairs = pairs(query_string)?;
        if pairs.len() > MAX_PARAMETERS {
            return Err(Problem::malformed("The query has too many parameters."));
        }
        let mut reader =
            Reader { faults: FieldErrors::new(), number: None, size: None, after: None, filters: Vec::new() };
        let mut seen: Vec<&str> = Vec::with_capacity(pairs.len());
        for (name, value) in &pairs {
            if seen.contains(&name.as_str()) {
                reader.fault(name, "must be given once");
                continue;
            }
            seen.push(name);
            reader.read(name, value, allowed);
        }
        reader.finish(default_size)
    }
}

impl Reader {
    fn read(&mut self, name: &str, value: &str, allowed: &[Filter]) {
        match name {
            "page_number" => self.number = self.positive(name, value, MAX_PAGE_NUMBER),
            "page_size" => self.size = self.positive(name, value, MAX_PAGE_SIZE),
            "after" if value.is_empty() => self.after = Some(None),
            "after" => match decode_cursor(value) {
                Some(id) => self.after = Some(Some(id)),
                None => self.fault(name, "must be a cursor that a list has returned"),
            },
            _ => match allowed.iter().find(|filter| filter.name == name) {
                Some(filter) => match filter_value(filter.kind, value) {
                    Ok(value) => self.filters.push((filter.name, value)),
                    Err(message) => self.fault(name, message),
                },
                None => self.fault(name, "unknown parameter"),
            },
        }
    }

    fn positive(&mut self, name: &str, value: &str, max: i64) -> Option<i64> {
        let number = whole_number(value).filter(|number| (1..=max).contains(number));
        if number.is_none() {
            self.fault(name, format!("must be a whole number from 1 to {max}"));
        }
        number
    }

    fn fault(&mut self, name: &str, message: impl Into<String>) {
        let name: String = name.chars().take(64).collect();
        self.faults.entry(name).or_default().push(message.into());
    }

    fn finish(mut self, default_size: i64) -> Result<ListQuery, Problem> {
        let size = self.size.unwrap_or(default_size);
        let page = match self.after {
            Some(cursor) => {
                // Generated clients send the first page's number, which is the default, whatever else they ask for.
                if self.number.is_some_and(|number| number != 1) {
                    self.fault("page_number", "cannot be combined with after");
                }
                PageRequest::After { cursor, size }
            }
            None => PageRequest::Number { number: self.number.unwrap_or(1), size },
        };
        if self.faults.is_empty() {
            Ok(ListQuery { page, filters: self.filters })
        } else {
            let detail = "Some query parameters are not valid; see errors.";
            Err(Problem::new(crate::http::problem::ErrorCode::ValidationFailed, detail).with_errors(self.faults))
        }
    }
}

fn filter_value(kind: FilterKind, text: &str) -> Result<FilterValue, &'static str> {
    match kind {
        FilterKind::Integer => {
            whole_number(text).map(FilterValue::Integer).ok_or("must be a whole number within 64 bits")
        }
        FilterKind::Text => match text.chars().count() {
            1..=MAX_TEXT if !text.contains('\0') => Ok(FilterValue::Text(text.to_owned())),
            _ => Err("must have 1 to 255 characters, and no NUL among them"),
        },
        FilterKind::Boolean => text.parse().map(FilterValue::Boolean).map_err(|_| "must be true or false"),
        FilterKind::Date => shared_events::date::parse(text)
            .map(FilterValue::Date)
            .ok_or("must be a UTC date such as 2025-01-16T17:10:26Z"),
    }
}

/// Digits with an optional minus: `i64::from_str` would also take a plus.
fn whole_number(text: &str) -> Option<i64> {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::paging::encode_cursor;

    const ALLOWED: [Filter; 4] = [
        Filter { name: "balance", kind: FilterKind::Integer },
        Filter { name: "name", kind: FilterKind::Text },
        Filter { name: "is_blocked", kind: FilterKind::Boolean },
        Filter { name: "from", kind: FilterKind::Date },
    ];

    fn parse(query: &str) -> Result<ListQuery, Problem> {
        ListQuery::parse(query, 5, &ALLOWED)
    }

    #[test]
    fn nothing_given_is_the_first_page() {
        let query = parse("").unwrap();
        assert_eq!(query.page, PageRequest::Number { number: 1, size: 5 });
        assert!(query.filters.is_empty());
    }

    #[test]
    fn filters_are_typed() {
        let query = parse("balance=-5&name=a%20b&is_blocked=true&from=2025-01-16T17:10:26Z&page_size=100").unwrap();
        assert_eq!(query.get("balance"), Some(&FilterValue::Integer(-5)));
        assert_eq!(query.get("name"), Some(&FilterValue::Text("a b".to_owned())));
        assert_eq!(query.get("is_blocked"), Some(&FilterValue::Boolean(true)));
        assert!(matches!(query.get("from"), Some(FilterValue::Date(_))));
        assert_eq!(query.page.size(), 100);
    }

    #[test]
    fn a_walk_starts_with_an_empty_cursor() {
        assert_eq!(parse("after=").unwrap().page, PageRequest::After { cursor: None, size: 5 });
        let next = format!("after={}&page_size=7", encode_cursor(41));
        assert_eq!(parse(&next).unwrap().page, PageRequest::After { cursor: Some(41), size: 7 });
        assert_eq!(parse("after=&page_number=1").unwrap().page, PageRequest::After { cursor: None, size: 5 });
    }

    #[test]
    fn all_faults_come_at_once() {
        let bad = "page_number=0&page_size=101&balance=1.5&is_blocked=yes&password_hash=x&from=now&name=";
        let problem = parse(bad).unwrap_err();
        let names: Vec<_> = problem.errors().keys().map(String::as_str).collect();
        assert_eq!(names, ["balance", "from", "is_blocked", "name", "page_number", "page_size", "password_hash"]);
    }

    #[test]
    fn numbers_out_of_range_are_faults_not_overflows() {
        for bad in [
            "page_number=1000000001",
            "page_number=9223372036854775808",
            "page_size=0",
            "page_size=-1",
            "page_number=+1",
            "page_number=",
            "page_number=1&page_number=2",
            "after=zzz",
            "after=&page_number=2",
            "balance=99999999999999999999",
            "page_number=1e3",
            "page_size=٣",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse("page_number=1000000000").is_ok());
    }
}
