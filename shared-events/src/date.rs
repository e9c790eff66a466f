//! Dates on the wire: `YYYY-MM-DDTHH:MM:SS`, always UTC, without a zone designator.
//!
//! Use as `#[serde(with = "shared_events::date")]` on a `DateTime<Utc>`. Reading accepts the forms of ISO 8601 that other
//! languages write: fractions after a point or a comma, no seconds where they are zero, `Z` or an offset with or without its colon,
//! letters in lower case, a blank for the `T`, a day alone (its first second, UTC). A leap second (`23:59:60`) is read as the second
//! after it: most clients and databases have none.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike as _, Utc};
use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

const FORMAT: &str = "%Y-%m-%dT%H:%M:%S";
const DAY: &str = "%Y-%m-%d";
/// In microseconds, which the databases keep.
const LAST_OF_DAY: i64 = 86_399_999_999;

/// Writes a date in the form of the contract.
pub fn format(date: &DateTime<Utc>) -> String {
    date.format(FORMAT).to_string()
}

/// Reads a date; without an offset it is UTC. `None` beyond the years 0 to 9999, which RFC 3339 has no form for.
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    read(text.trim()).and_then(without_leap_second).filter(|date| (0..=9999).contains(&date.year()))
}

/// The same for the end of a period: a day alone is its last moment, so that the day is within the period.
pub fn parse_end(text: &str) -> Option<DateTime<Utc>> {
    let begin = parse(text)?;
    let is_day = NaiveDate::parse_from_str(text.trim(), DAY).is_ok();
    if is_day { begin.checked_add_signed(TimeDelta::microseconds(LAST_OF_DAY)) } else { Some(begin) }
}

/// Within a leap second, `chrono` counts more nanoseconds than a second has.
fn without_leap_second(date: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let is_leap = date.nanosecond() >= 1_000_000_000;
    if is_leap {
        date.with_nanosecond(date.nanosecond() % 1_000_000_000)?.checked_add_signed(TimeDelta::seconds(1))
    } else {
        Some(date)
    }
}

fn read(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(date) = DateTime::parse_from_rfc3339(text) {
        return Some(date.with_timezone(&Utc));
    }
    let upper = with_seconds(text.to_ascii_uppercase().replacen(' ', "T", 1).replace(' ', "").replacen(',', ".", 1));
    let with_offset = |format| DateTime::parse_from_str(&upper, format).map(|date| date.with_timezone(&Utc));
    let without = |format| NaiveDateTime::parse_from_str(&upper, format).map(|date| date.and_utc());
    let day = || NaiveDate::parse_from_str(&upper, DAY).map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let parsed = without("%Y-%m-%dT%H:%M:%S%.f").or_else(|_| without("%Y-%m-%dT%H:%M:%S%.fZ"));
    parsed.or_else(|_| with_offset("%Y-%m-%dT%H:%M:%S%.f%#z")).or_else(|_| day()).ok()
}

/// Adds the seconds that Java leaves out where they are zero: `2025-01-16T17:10`, with or without a zone.
fn with_seconds(mut text: String) -> String {
    let is_time = text.get(10..11) == Some("T") && text.get(13..14) == Some(":");
    let ends = text.get(16..).is_some_and(|rest| rest.is_empty() || rest.starts_with(['Z', '+', '-']));
    if is_time && ends {
        text.insert_str(16, ":00");
    }
    text
}

pub fn serialize<S: Serializer>(date: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(date))
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| D::Error::custom("expected a UTC date such as 2025-01-16T17:10:26"))
}

/// The same for dates that may be missing.
pub mod option {
    use super::{DateTime, Deserialize, Deserializer, Serializer, Utc, format, parse};
    use serde::de::Error as _;

    pub fn serialize<S: Serializer>(date: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
        match date {
            Some(date) => serializer.serialize_str(&format(date)),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        parse(&text).map(Some).ok_or_else(|| D::Error::custom("expected a UTC date such as 2025-01-16T17:10:26"))
    }
}

/// The same moment in the form of our HTTP APIs: with `Z` (RFC 3339), so that a browser does not read it as local time.
pub mod zoned {
    use super::{DateTime, Serializer, Utc};

    pub fn format(date: &DateTime<Utc>) -> String {
        format!("{}Z", super::format(date))
    }

    pub fn serialize<S: Serializer>(date: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&date.format("%Y-%m-%dT%H:%M:%SZ"))
    }

    /// The same for dates that may be missing.
    pub mod option {
        use super::super::{DateTime, Serializer, Utc};

        pub fn serialize<S: Serializer>(date: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
            match date {
                Some(date) => super::serialize(date, serializer),
                None => serializer.serialize_none(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_that_other_languages_write_are_read_and_nothing_else() {
        for text in [
            "2025-01-16T17:10:26",
            "2025-01-16T17:10:26Z",
            "2025-01-16t17:10:26z",
            "2025-01-16 17:10:26",
            "2025-01-16 17:10:26 Z",
            "2025-01-16T19:10:26+02:00",
            "2025-01-16T19:10:26+0200",
            "2025-01-16 19:10:26 +0200",
            "2025-01-16T12:10:26.000-05",
            "2025-01-16T17:10:26,25Z",
        ] {
            assert_eq!(parse(text).map(|date| format(&date)).as_deref(), Some("2025-01-16T17:10:26"), "{text}");
        }
        for text in ["2025-01-16T17:10", "2025-01-16T17:10Z", "2025-01-16 18:10+01:00"] {
            assert_eq!(parse(text).map(|date| format(&date)).as_deref(), Some("2025-01-16T17:10:00"), "{text}");
        }
        assert_eq!(parse("2025-01-16").map(|date| format(&date)).as_deref(), Some("2025-01-16T00:00:00"));
        let end = |text| parse_end(text).map(|date| zoned::format(&date));
        assert_eq!(end("2025-01-16").as_deref(), Some("2025-01-16T23:59:59Z"));
        assert_eq!(parse_end("2025-01-16").map(|date| date.timestamp_subsec_micros()), Some(999_999));
        assert_eq!(end("2025-01-16T00:00:00").as_deref(), Some("2025-01-16T00:00:00Z"));
        assert_eq!((end("2025-02-30"), end("10000-01-01")), (None, None));
        for text in ["", "2025-13-01T00:00:00", "16.01.2025 17:10:26", "2025-01-16T25:00:00Z", "1737047426", "now"]
            .into_iter()
            .chain(["2025-01-16T17:1", "2025-01-16T17:10.5", "2025-01-16T17:1\u{e9}"])
        {
            assert_eq!(parse(text), None, "{text}");
        }
        for text in
            ["+10000-01-01T00:00:00", "-0001-12-31T00:00:00", "9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+01:00"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        for (text, expected) in [
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00"),
            ("2016-12-31T23:59:60.25", "2017-01-01T00:00:00"),
            ("2017-01-01 01:59:60+02", "2017-01-01T00:00:00"),
        ] {
            assert_eq!(parse(text).map(|date| format(&date)).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(parse("9999-12-31T23:59:60Z"), None, "it is in the year 10000");
        for text in ["9999-12-31T23:59:59", "0000-01-01T00:00:00"] {
            assert_eq!(parse(text).map(|date| format(&date)).as_deref(), Some(text));
        }
    }
}
