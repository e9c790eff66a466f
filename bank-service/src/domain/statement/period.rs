//! The period of a statement: whole days, both ends included.

use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta, Utc};

use super::Calendar;

/// A year, also one with a leap day.
const LONGEST_DAYS: i64 = 366;
/// A day is closed this long after its end: an entry whose time is within the day may be committed a moment later.
const SETTLING: TimeDelta = TimeDelta::minutes(1);
/// Before this year there are no statements.
const FIRST_YEAR: i32 = 1970;
const LAST_YEAR: i32 = 9998;

/// Days from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

/// A fault of `from` or `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeriodFault {
    pub field: &'static str,
    pub message: &'static str,
}

impl Period {
    /// The period that is asked for at this time. Without both ends it is the last closed month; `from` alone goes up to the last
    /// closed day, and `to` alone begins with its month.
    pub fn parse(
        from: Option<&str>,
        to: Option<&str>,
        calendar: Calendar,
        now: DateTime<Utc>,
    ) -> Result<Self, Vec<PeriodFault>> {
        let message = "must be a day such as 2026-01-31, from 1970 on";
        let mut faults = Vec::new();
        let mut read = |field, text: Option<&str>| {
            let date = text.map(parse_day);
            if date == Some(None) {
                faults.push(PeriodFault { field, message });
            }
            date.flatten()
        };
        let (from, to) = (read("from", from), read("to", to));
        if !faults.is_empty() {
            return Err(faults);
        }
        Self::completed(from, to, calendar.day_of(now - SETTLING)).checked(calendar.day_of(now))
    }

    /// `open` is the first day that is not closed.
    fn completed(from: Option<NaiveDate>, to: Option<NaiveDate>, open: NaiveDate) -> Self {
        let last_closed = open.pred_opt().unwrap_or(open);
        match (from, to) {
            (Some(from), Some(to)) => Self { from, to },
            (Some(from), None) => Self { from, to: from.max(last_closed) },
            (None, Some(to)) => Self { from: first_of_month(to), to },
            (None, None) => {
                let month = first_of_month(open);
                Self { from: month - Months::new(1), to: month.pred_opt().unwrap_or(month) }
            }
        }
    }

    fn checked(self, today: NaiveDate) -> Result<Self, Vec<PeriodFault>> {
        let checks = [
            (self.from > today, "from", "must not be in the future"),
            (self.to > today, "to", "must not be in the future"),
            (self.from > self.to, "from", "must not be after to"),
            (self.days() > LONGEST_DAYS, "to", "must be within 366 days of from, which counts as the first"),
        ];
        let faults: Vec<_> = checks
            .into_iter()
            .filter(|(is_fault, ..)| *is_fault)
            .map(|(_, field, message)| PeriodFault { field, message })
            .collect();
        if faults.is_empty() { Ok(self) } else { Err(faults) }
    }

    /// How many days it has.
    pub fn days(self) -> i64 {
        self.to.signed_duration_since(self.from).num_days().saturating_add(1)
    }

    /// Its first instant, and the first one after it.
    pub fn span(self, calendar: Calendar) -> (DateTime<Utc>, DateTime<Utc>) {
        let after = self.to.succ_opt().unwrap_or(self.to);
        (calendar.start_of(self.from), calendar.start_of(after))
    }

    /// Whether no more entries can come at this time.
    pub fn is_closed(self, calendar: Calendar, now: DateTime<Utc>) -> bool {
        self.to < calendar.day_of(now - SETTLING)
    }
}

fn first_of_month(date: NaiveDate) -> NaiveDate {
    date.with_day(1).unwrap_or(date)
}

/// A day in its one form.
fn parse_day(text: &str) -> Option<NaiveDate> {
    let is_in_form = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| is_in_form)?;
    ((FIRST_YEAR..=LAST_YEAR).contains(&date.year()) && date.to_string() == text).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(from: Option<&str>, to: Option<&str>, zone: &str, now: &str) -> Result<String, Vec<&'static str>> {
        let calendar = Calendar::parse(zone).unwrap();
        Period::parse(from, to, calendar, now.parse().unwrap())
            .map(|period| format!("{} {}", period.from, period.to))
            .map_err(|faults| faults.iter().map(|fault| fault.field).collect())
    }

    #[test]
    fn what_is_not_given_is_completed_by_closed_days() {
        let now = "2026-03-16T17:10:26Z";
        for (from, to, expected) in [
            (None, None, "2026-02-01 2026-02-28"),
            (Some("2026-03-02"), None, "2026-03-02 2026-03-15"),
            (Some("2026-03-16"), None, "2026-03-16 2026-03-16"),
            (None, Some("2026-03-10"), "2026-03-01 2026-03-10"),
            (Some("2026-01-01"), Some("2026-03-16"), "2026-01-01 2026-03-16"),
            (Some("2024-02-29"), Some("2025-02-28"), "2024-02-29 2025-02-28"),
        ] {
            assert_eq!(read(from, to, "UTC", now).as_deref(), Ok(expected), "{from:?} {to:?}");
        }
        assert_eq!(read(None, None, "UTC", "2026-01-31T12:00:00Z").as_deref(), Ok("2025-12-01 2025-12-31"));
        // In Berlin the first of February has come, and a minute later January is closed.
        assert_eq!(read(None, None, "Europe/Berlin", "2026-01-31T23:00:30Z").as_deref(), Ok("2025-12-01 2025-12-31"));
        assert_eq!(read(None, None, "Europe/Berlin", "2026-01-31T23:01:00Z").as_deref(), Ok("2026-01-01 2026-01-31"));
    }

    #[test]
    fn a_day_that_is_none_a_wrong_order_the_future_and_more_than_a_year_are_faults() {
        let now = "2026-03-16T17:10:26Z";
        for (from, to, fields) in [
            ("2026-3-1", "2026-03-02", &["from"][..]),
            ("2026-02-30", "", &["from", "to"]),
            ("1969-12-31", "2026-03-02T00:00:00Z", &["from", "to"]),
            ("+2026-03-1", "2026-03- 2", &["from", "to"]),
            ("2026-03-02", "2026-03-01", &["from"]),
            ("2026-03-17", "2026-03-17", &["from", "to"]),
            ("2026-03-16", "2026-03-17", &["to"]),
            ("2025-03-16", "2026-03-17", &["to", "to"]),
            ("2025-03-15", "2026-03-16", &["to"]),
        ] {
            assert_eq!(read(Some(from), Some(to), "UTC", now), Err(fields.to_vec()), "{from} {to}");
        }
        assert!(read(Some("2025-03-16"), Some("2026-03-16"), "UTC", now).is_ok(), "366 days");
        assert!(read(Some("2026-03-17"), Some("2026-03-17"), "Asia/Tokyo", now).is_ok(), "today there");
    }

    #[test]
    fn a_day_is_closed_a_minute_after_its_end() {
        let calendar = Calendar::parse("Europe/Berlin").unwrap();
        let period = Period { from: "2026-01-01".parse().unwrap(), to: "2026-01-31".parse().unwrap() };
        let is_closed = |now: &str| period.is_closed(calendar, now.parse().unwrap());
        assert!(!is_closed("2026-01-31T22:59:59Z") && !is_closed("2026-01-31T23:00:59Z"));
        assert!(is_closed("2026-01-31T23:01:00Z"));
        let (from, to) = period.span(calendar);
        assert_eq!(
            (from.to_rfc3339(), to.to_rfc3339()),
            ("2025-12-31T23:00:00+00:00".to_owned(), "2026-01-31T23:00:00+00:00".to_owned())
        );
    }
}
