//! Reading a list's query string.

use chrono::{DateTime, Utc};
use shared_events::date;

use super::parameters::{ParameterFaults, number_between, parameters, whole_number};
use super::{Filter, FilterKind, FilterValue, IdKind, ListQuery, MAX_PAGE_NUMBER, MAX_PAGE_SIZE, PageRequest};
use crate::http::GREATEST_NUMBER;
use crate::http::problem::Problem;

const MAX_TEXT: usize = 255;

struct Reader<'a> {
    ids: IdKind,
    path: &'a str,
    faults: ParameterFaults,
    number: Option<i64>,
    size: Option<i64>,
    #[expect(clippy::option_option, reason = "absent, empty and a cursor are three things")]
    /// `after` was given; the inner value is the decoded cursor.
    after: Option<Option<i128>>,
    filters: Vec<(&'static str, FilterValue)>,
}

impl ListQuery {
    /// Checks the query string of the list of this path, whose ids are numbers, against its filters; all faults at once.
    pub fn parse(path: &str, query: &str, default_size: i64, allowed: &[Filter]) -> Result<Self, Problem> {
        Self::parse_of(IdKind::Number, path, query, default_size, allowed)
    }

    /// The same of a list with ids of this kind. A cursor of another list is a fault.
    pub fn parse_of(
        ids: IdKind,
        path: &str,
        query: &str,
        default_size: i64,
        allowed: &[Filter],
    ) -> Result<Self, Problem> {
        let given = parameters(query)?;
        let faults = ParameterFaults::default();
        let mut reader = Reader { ids, path, faults, number: None, size: None, after: None, filters: Vec::new() };
        let mut seen: Vec<&str> = Vec::with_capacity(given.len());
        for (name, value) in &given {
            if seen.contains(&name.as_str()) {
                reader.faults.add(name, "must be given once");
                continue;
            }
            seen.push(name);
            reader.read(name, value, allowed);
        }
        reader.finish(default_size)
    }
}

impl Reader<'_> {
    fn read(&mut self, name: &str, value: &str, allowed: &[Filter]) {
        match name {
            "page_number" => self.number = self.positive(name, value, MAX_PAGE_NUMBER),
            "page_size" => self.size = self.positive(name, value, MAX_PAGE_SIZE),
            "after" if value.is_empty() => self.after = Some(None),
            "after" => match self.ids.decode(self.path, value) {
                Some(id) => self.after = Some(Some(id)),
                None => self.faults.add(name, "must be a cursor that this list has returned"),
            },
            _ => match allowed.iter().find(|filter| filter.name == name) {
                Some(filter) => match filter_value(filter, value) {
                    Ok(value) => self.filters.push((filter.name, value)),
                    Err(message) => self.faults.add(name, message),
                },
                None => self.faults.unknown(name),
            },
        }
    }

    fn positive(&mut self, name: &str, value: &str, max: i64) -> Option<i64> {
        number_between(value, 1, max).map_err(|message| self.faults.add(name, message)).ok()
    }

    fn date(&self, name: &str) -> Option<DateTime<Utc>> {
        self.filters.iter().find_map(|(given, value)| match value {
            FilterValue::Date(date) if *given == name => Some(*date),
            _ => None,
        })
    }

    fn finish(mut self, default_size: i64) -> Result<ListQuery, Problem> {
        let size = self.size.unwrap_or(default_size);
        let page = match self.after {
            Some(cursor) => {
                // Generated clients send the first page's number, which is the default, with any other parameter.
                if self.number.is_some_and(|number| number != 1) {
                    self.faults.add("page_number", "cannot be combined with after");
                }
                PageRequest::After { cursor, size }
            }
            None => PageRequest::Number { number: self.number.unwrap_or(1), size },
        };
        if let (Some(from), Some(to)) = (self.date("from"), self.date("to"))
            && to < from
        {
            self.faults.add("to", "must not be before from");
        }
        self.faults.finish()?;
        Ok(ListQuery { page, filters: self.filters })
    }
}

fn filter_value(filter: &Filter, text: &str) -> Result<FilterValue, String> {
    let text_value = || FilterValue::Text(text.to_owned());
    let value = match filter.kind {
        FilterKind::Integer => whole_number(text)
            .filter(|number| (-GREATEST_NUMBER..=GREATEST_NUMBER).contains(number))
            .map(FilterValue::Integer),
        FilterKind::Text => {
            let fits = (1..=MAX_TEXT).contains(&text.chars().count()) && !text.contains('\0');
            fits.then(text_value)
        }
        FilterKind::OneOf(values) => values.contains(&text).then(text_value),
        FilterKind::Boolean => text.parse().ok().map(FilterValue::Boolean),
        FilterKind::Date if filter.name == "to" => date::parse_end(text).map(FilterValue::Date),
        FilterKind::Date => date::parse(text).map(FilterValue::Date),
    };
    value.ok_or_else(|| expected(filter.kind))
}

fn expected(kind: FilterKind) -> String {
    let form = match kind {
        FilterKind::Integer => {
            "must be a whole number from -9007199254740991 to 9007199254740991, without zeros in front"
        }
        FilterKind::Text => "must have 1 to 255 characters, and no NUL among them",
        FilterKind::OneOf(values) => return format!("must be one of {}", values.join(", ")),
        FilterKind::Boolean => "must be true or false",
        FilterKind::Date => "must be a UTC date such as 2025-01-16T17:10:26Z",
    };
    form.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::paging::encode_cursor;

    const ALLOWED: [Filter; 6] = [
        Filter { name: "balance", kind: FilterKind::Integer },
        Filter { name: "name", kind: FilterKind::Text },
        Filter { name: "is_blocked", kind: FilterKind::Boolean },
        Filter { name: "from", kind: FilterKind::Date },
        Filter { name: "to", kind: FilterKind::Date },
        Filter { name: "state", kind: FilterKind::OneOf(&["open", "closed"]) },
    ];

    const PATH: &str = "/api/banks";

    fn parse(query: &str) -> Result<ListQuery, Problem> {
        ListQuery::parse(PATH, query, 5, &ALLOWED)
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
        let next = format!("after={}&page_size=7", encode_cursor(PATH, 41));
        assert_eq!(parse(&next).unwrap().page, PageRequest::After { cursor: Some(41), size: 7 });
        assert_eq!(parse("after=&page_number=1").unwrap().page, PageRequest::After { cursor: None, size: 5 });
    }

    #[test]
    fn a_cursor_of_a_list_with_ids_of_another_kind_is_a_fault() {
        let [number, uuid, none] = [-3, i128::from(i64::MAX) + 1, i128::MIN].map(|id| encode_cursor(PATH, id));
        let parse_of = |ids, cursor: &str| ListQuery::parse_of(ids, PATH, &format!("after={cursor}"), 5, &ALLOWED);
        assert!(parse_of(IdKind::Number, &number).is_ok() && parse_of(IdKind::Uuid, &uuid).is_ok());
        for (ids, foreign) in [(IdKind::Number, uuid), (IdKind::Uuid, number), (IdKind::Uuid, none)] {
            let problem = parse_of(ids, &foreign).unwrap_err();
            assert!(problem.errors().contains_key("after"), "{ids:?}: {foreign}");
        }
    }

    #[test]
    fn a_cursor_of_another_list_is_a_fault_beside_the_others() {
        let foreign = format!("after={}&page_size=0", encode_cursor("/api/cities", 41));
        let problem = parse(&foreign).unwrap_err();
        assert_eq!(problem.errors()["after"], ["must be a cursor that this list has returned"]);
        assert!(problem.errors().contains_key("page_size"));
    }

    #[test]
    fn a_filter_of_fixed_values_takes_no_other_and_names_them() {
        assert_eq!(parse("state=closed").unwrap().get("state"), Some(&FilterValue::Text("closed".to_owned())));
        for bad in ["state=", "state=Open", "state=open,closed"] {
            assert_eq!(parse(bad).unwrap_err().errors()["state"], ["must be one of open, closed"], "{bad}");
        }
    }

    #[test]
    fn a_period_does_not_end_before_it_begins() {
        for good in ["from=2026-01-01", "from=2026-01-01&to=2026-01-01", "to=2026-01-02&from=2026-01-01"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in ["from=2026-12-01&to=2026-01-01", "to=2026-01-01T00:00:00Z&from=2026-01-01T00:00:01Z"] {
            assert_eq!(parse(bad).unwrap_err().errors()["to"], ["must not be before from"], "{bad}");
        }
    }

    #[test]
    fn a_day_alone_is_within_the_period_that_it_ends() {
        let query = parse("from=2026-01-01&to=2026-01-01").unwrap();
        let [Some(FilterValue::Date(from)), Some(FilterValue::Date(to))] = ["from", "to"].map(|name| query.get(name))
        else {
            panic!("{query:?}");
        };
        assert_eq!((*to - *from).num_milliseconds(), 86_399_999);
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
            "page_number=%2B1",
            "page_number=01",
            "page_size=010",
            "page_size=-0",
            "balance=007",
            "balance=-05",
            "balance=-0",
            "balance=%2B5",
            "page_number=",
            "page_number=1&page_number=2",
            "after=zzz",
            "after=&page_number=2",
            "balance=99999999999999999999",
            "balance=9007199254740992",
            "balance=-9007199254740992",
            "page_number=1e3",
            "page_size=٣",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        for good in ["page_number=1000000000", "balance=9007199254740991", "balance=-9007199254740991"] {
            assert!(parse(good).is_ok(), "{good}");
        }
    }
}
