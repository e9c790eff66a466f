//! Parsers of single fields. Each error names the expected form, never the given value.

use std::fmt::Display;

use chrono::{DateTime, Utc};
use serde_json::Value;

/// A text of `min` to `max` characters (not bytes).
pub fn string(min: usize, max: usize) -> impl Fn(&Value) -> Result<String, String> {
    move |value| {
        let text = text(value)?;
        check_length(text, min, max)?;
        Ok(text.to_owned())
    }
}

/// A whole number that fits 64 bits, without a fraction or an exponent.
pub fn integer(value: &Value) -> Result<i64, String> {
    value.as_i64().ok_or_else(|| "must be a whole number within 64 bits".to_owned())
}

/// A whole number from `min` to `max`.
pub fn integer_between(min: i64, max: i64) -> impl Fn(&Value) -> Result<i64, String> {
    move |value| {
        let number = integer(value)?;
        if (min..=max).contains(&number) { Ok(number) } else { Err(format!("must be from {min} to {max}")) }
    }
}

pub fn boolean(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "must be true or false".to_owned())
}

/// A list of at most `max` texts of 1 to 255 characters.
pub fn string_list(max: usize) -> impl Fn(&Value) -> Result<Vec<String>, String> {
    move |value| {
        let list = value.as_array().ok_or("must be a list of texts")?;
        if list.len() > max {
            return Err(format!("must have at most {max} entries"));
        }
        list.iter().map(|item| string(1, 255)(item).map_err(|error| format!("each entry {error}"))).collect()
    }
}

/// An identifier: a whole number from 1 on.
pub fn id<T: TryFrom<i64>>(value: &Value) -> Result<T, String> {
    let message = || "must be an id: a whole number from 1 to 9223372036854775807".to_owned();
    value.as_i64().and_then(|number| T::try_from(number).ok()).ok_or_else(message)
}

/// A date such as `2025-01-16T17:10:26Z`, in UTC.
pub fn date(value: &Value) -> Result<DateTime<Utc>, String> {
    let message = || "must be a UTC date such as 2025-01-16T17:10:26Z".to_owned();
    value.as_str().and_then(shared_events::date::parse).ok_or_else(message)
}

/// A text, read by a function of the domain; its error's words become the fault.
pub fn via<T, E: Display>(parse: impl FnOnce(&str) -> Result<T, E>) -> impl FnOnce(&Value) -> Result<T, String> {
    move |value| parse(text(value)?).map_err(|error| error.to_string())
}

/// Any JSON value, as it is.
pub fn any(value: &Value) -> Result<Value, String> {
    Ok(value.clone())
}

/// A JSON object, as it is.
pub fn object(value: &Value) -> Result<serde_json::Map<String, Value>, String> {
    value.as_object().cloned().ok_or_else(|| "must be an object".to_owned())
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "must be a text".to_owned())
}

fn check_length(text: &str, min: usize, max: usize) -> Result<(), String> {
    let length = text.chars().count();
    match length {
        0 if min > 0 => Err("must not be empty".to_owned()),
        _ if length < min => Err(format!("must have at least {min} characters")),
        _ if length > max => Err(format!("must have at most {max} characters")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared_events::BankId;

    use super::*;

    #[test]
    fn only_whole_64_bit_numbers_are_integers() {
        assert_eq!(integer(&json!(-5)), Ok(-5));
        assert_eq!(integer(&json!(i64::MAX)), Ok(i64::MAX));
        for bad in [json!(1.5), json!(1.0), json!(9_223_372_036_854_775_808_u64), json!("1"), json!(true), json!([1])] {
            assert!(integer(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_start_at_one() {
        assert_eq!(id::<BankId>(&json!(1)).map(BankId::get), Ok(1));
        for bad in [json!(0), json!(-1), json!("1"), json!(1.5), json!(u64::MAX)] {
            assert!(id::<BankId>(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(string(1, 3)(&json!("äöü")).is_ok());
        assert_eq!(string(1, 3)(&json!("")), Err("must not be empty".to_owned()));
        assert_eq!(string(1, 3)(&json!("abcd")), Err("must have at most 3 characters".to_owned()));
        assert_eq!(string(2, 3)(&json!("a")), Err("must have at least 2 characters".to_owned()));
    }

    #[test]
    fn lists_are_bounded_and_typed() {
        assert_eq!(string_list(2)(&json!(["a", "b"])).unwrap().len(), 2);
        for bad in [json!(["a", "b", "c"]), json!(["a", 1]), json!("a"), json!([""])] {
            assert!(string_list(2)(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_domain_parser_speaks_for_itself() {
        let parse = |text: &str| text.parse::<u8>().map_err(|_| "must be a small number");
        assert_eq!(via(parse)(&json!("7")), Ok(7));
        assert_eq!(via(parse)(&json!("700")), Err("must be a small number".to_owned()));
        assert_eq!(via(parse)(&json!(7)), Err("must be a text".to_owned()));
    }
}
