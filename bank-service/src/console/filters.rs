//! Filters of the templates.

use minijinja::{Error, ErrorKind};
use shared_events::Currency;

use crate::domain::currency::places;

/// The length of `2026-01-16T17:10:26`.
const SECONDS: usize = 19;
const DAY: usize = 10;

/// The day of a time such as `2026-01-16T17:10:26Z`.
pub(super) fn date(time: &str) -> String {
    time.get(..DAY).unwrap_or(time).to_owned()
}

/// A time such as `2026-01-16T17:10:26.123456Z`, to the second: `2026-01-16 17:10:26 UTC`.
pub(super) fn time(time: &str) -> String {
    match (time.get(..DAY), time.get(DAY + 1..SECONDS)) {
        (Some(day), Some(clock)) => format!("{day} {clock} UTC"),
        _ => time.to_owned(),
    }
}

/// The same to the millisecond, if its source is that precise: `2026-01-16 17:10:26.123 UTC`.
pub(super) fn moment(text: &str) -> String {
    let fraction = text.get(SECONDS..).and_then(|rest| rest.strip_prefix('.')).unwrap_or_default();
    let milliseconds: String = fraction.chars().take_while(char::is_ascii_digit).take(3).collect();
    let second = time(text);
    match second.strip_suffix(" UTC") {
        Some(clock) if !milliseconds.is_empty() => format!("{clock}.{milliseconds:0<3} UTC"),
        _ => second,
    }
}

/// A time span in its largest unit, rounded down: 86400217 of `ms` is `1 d`. `unit` is `ms` or `s`; below 10 s, milliseconds stay
/// what they are.
pub(super) fn duration(value: i64, unit: &str) -> Result<String, Error> {
    let seconds = match unit {
        "ms" if value < 10_000 => return Ok(format!("{value} ms")),
        "ms" => value / 1_000,
        "s" => value,
        _ => return Err(Error::new(ErrorKind::InvalidOperation, "a duration is in ms or s")),
    };
    let (size, unit) = match seconds {
        ..60 => (1, "s"),
        60..3_600 => (60, "min"),
        3_600..86_400 => (3_600, "h"),
        _ => (86_400, "d"),
    };
    Ok(format!("{} {unit}", seconds / size))
}

/// A number of things: `1 event`, `2 events`. For nouns whose plural ends in `s`.
pub(super) fn counted(number: i64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// An amount in the minor unit of its currency: 123456 of EUR is `1 234.56 EUR`.
pub(super) fn money(minor: i128, currency: &str) -> Result<String, Error> {
    let currency: Currency =
        currency.parse().map_err(|_| Error::new(ErrorKind::InvalidOperation, "no currency of ISO 4217"))?;
    Ok(amount(minor, currency))
}

/// The same for texts that no template makes.
pub(super) fn amount(minor: i128, currency: Currency) -> String {
    let (sign, digits, places) =
        (if minor < 0 { "\u{2212}" } else { "" }, minor.unsigned_abs().to_string(), places(currency));
    let digits = format!("{digits:0>width$}", width = places.saturating_add(1));
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(places));
    let point = if places == 0 { "" } else { "." };
    format!("{sign}{}{point}{fraction} {}", grouped(whole), currency.code())
}

/// Groups of three digits, with spaces that do not break (ISO 80000-1).
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len().saturating_mul(2));
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len().saturating_sub(index).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

/// A text as the value of a URL's query.
pub(super) fn query(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_has_the_places_of_its_currency_and_groups() {
        let shown = |minor, currency| money(minor, currency).map(|text| text.replace('\u{a0}', " ")).ok();
        for (minor, currency, expected) in [
            (123_456, "EUR", "1 234.56 EUR"),
            (-5, "EUR", "\u{2212}0.05 EUR"),
            (0, "EUR", "0.00 EUR"),
            (1_000_000, "JPY", "1 000 000 JPY"),
            (1_500, "BHD", "1.500 BHD"),
            (99_999, "EUR", "999.99 EUR"),
        ] {
            assert_eq!(shown(minor, currency).as_deref(), Some(expected));
        }
        assert_eq!(shown(1, "<b>"), None);
    }

    #[test]
    fn a_time_is_cut_to_the_second_and_what_is_no_time_stays() {
        assert_eq!(time("2026-01-16T17:10:26.123456Z"), "2026-01-16 17:10:26 UTC");
        assert_eq!(date("2026-01-16T17:10:26Z"), "2026-01-16");
        assert_eq!((time("ä"), date("")), ("ä".to_owned(), String::new()));
    }

    #[test]
    fn a_moment_has_milliseconds_if_its_source_has_them() {
        for (text, expected) in [
            ("2026-01-16T17:10:26.123456Z", "2026-01-16 17:10:26.123 UTC"),
            ("2026-01-16T17:10:26.5Z", "2026-01-16 17:10:26.500 UTC"),
            ("2026-01-16T17:10:26Z", "2026-01-16 17:10:26 UTC"),
            ("ä", "ä"),
            ("", ""),
        ] {
            assert_eq!(moment(text), expected);
        }
    }

    #[test]
    fn a_duration_has_one_unit_and_is_rounded_down() {
        for (value, unit, expected) in [
            (0, "ms", "0 ms"),
            (9_999, "ms", "9999 ms"),
            (10_000, "ms", "10 s"),
            (59_999, "ms", "59 s"),
            (60_000, "ms", "1 min"),
            (3_599_999, "ms", "59 min"),
            (3_600_000, "ms", "1 h"),
            (86_399_999, "ms", "23 h"),
            (86_400_217, "ms", "1 d"),
            (i64::MAX, "ms", "106751991167 d"),
            (5, "s", "5 s"),
            (7_200, "s", "2 h"),
        ] {
            assert_eq!(duration(value, unit).ok().as_deref(), Some(expected), "{value} {unit}");
        }
        assert!(duration(1, "events").is_err());
    }

    #[test]
    fn one_thing_is_in_the_singular() {
        let [none, one, two] = [0, 1, 2].map(|number| counted(number, "event"));
        assert_eq!([none, one, two], ["0 events", "1 event", "2 events"]);
    }

    #[test]
    fn a_text_is_safe_in_a_query() {
        assert_eq!(query("a b&c=\"<"), "a+b%26c%3D%22%3C");
    }
}
