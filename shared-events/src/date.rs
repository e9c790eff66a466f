//! Dates on the wire: `YYYY-MM-DDTHH:MM:SS`, always UTC, without a zone designator.
//!
//! Use as `#[serde(with = "shared_events::date")]` on a `DateTime<Utc>`. Reading also takes fractions and a `Z`.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

const FORMAT: &str = "%Y-%m-%dT%H:%M:%S";

/// Writes a date as the contract shows it.
pub fn format(date: &DateTime<Utc>) -> String {
    date.format(FORMAT).to_string()
}

/// Reads a date, with or without fractions, with or without `Z` or an offset.
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(date) = DateTime::parse_from_rfc3339(text) {
        return Some(date.with_timezone(&Utc));
    }
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok().map(|date| date.and_utc())
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
