//! The kinds of single fields. Each error names the expected form, never the given value.

use std::fmt::Display;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::KnownFormat;

use super::kind::{Describe, Kind, Parse};
use super::schema::FieldSchema;
use crate::http::GREATEST_NUMBER;

/// A text of `min` to `max` characters (not bytes).
pub fn string(min: usize, max: usize) -> Kind<impl Parse<String>, impl Describe> {
    let parse = move |value: &Value| {
        let text = text(value)?;
        check_length(text, min, max)?;
        Ok(text.to_owned())
    };
    Kind::new(parse, FieldSchema::text).length(min, max)
}

/// A whole number of at most [`GREATEST_NUMBER`], either sign, without a fraction or an exponent.
pub fn integer() -> Kind<impl Parse<i64>, impl Describe> {
    let message = || format!("must be a whole number from -{GREATEST_NUMBER} to {GREATEST_NUMBER}");
    Kind::new(move |value| whole_number(value, -GREATEST_NUMBER).ok_or_else(message), FieldSchema::integer)
}

pub fn boolean() -> Kind<impl Parse<bool>, impl Describe> {
    Kind::new(|value| value.as_bool().ok_or_else(|| "must be true or false".to_owned()), FieldSchema::boolean)
}

/// A list of `min` to `max` entries of one kind.
pub fn list<T>(
    min: usize,
    max: usize,
    entry: Kind<impl Parse<T>, impl Describe>,
) -> Kind<impl Parse<Vec<T>>, impl Describe> {
    let Kind { parse, schema } = entry;
    let one = move |entry: &Value| parse(entry).map_err(|error| format!("each entry {error}"));
    let parse = move |value: &Value| entries(value, min, max).and_then(|entries| entries.iter().map(&one).collect());
    Kind::new(parse, move || schema().list(min, max))
}

/// A list of `min` to `max` objects that are requests of their own, not read yet.
pub(super) fn objects<T: ToSchema>(min: usize, max: usize) -> Kind<impl Parse<Vec<Value>>, impl Describe> {
    let parse = move |value: &Value| entries(value, min, max).map(<[Value]>::to_vec);
    Kind::new(parse, move || FieldSchema::component::<T>().list(min, max))
}

/// An identifier: a whole number from 1 to [`GREATEST_NUMBER`].
pub fn id<T: TryFrom<i64>>() -> Kind<impl Parse<T>, impl Describe> {
    let message = || format!("must be an id: a whole number from 1 to {GREATEST_NUMBER}");
    let parse = move |value: &Value| whole_number(value, 1).and_then(|id| T::try_from(id).ok()).ok_or_else(message);
    Kind::new(parse, FieldSchema::integer).minimum(1)
}

/// A date such as `2025-01-16T17:10:26Z`, in UTC.
pub fn date() -> Kind<impl Parse<DateTime<Utc>>, impl Describe> {
    let message = || "must be a UTC date such as 2025-01-16T17:10:26Z".to_owned();
    let parse = move |value: &Value| value.as_str().and_then(shared_events::date::parse).ok_or_else(message);
    Kind::new(parse, FieldSchema::text).format(KnownFormat::DateTime)
}

pub fn uuid<T: FromStr>() -> Kind<impl Parse<T>, impl Describe> {
    via(|text| text.parse().map_err(|_| "must be a UUID")).format(KnownFormat::Uuid)
}

/// A text, read by a function of the domain; its error's words become the fault.
pub fn via<T, E: Display>(parse: impl Fn(&str) -> Result<T, E>) -> Kind<impl Parse<T>, impl Describe> {
    Kind::new(move |value| parse(text(value)?).map_err(|error| error.to_string()), FieldSchema::text)
}

/// A JSON object, as it is.
pub fn object() -> Kind<impl Parse<Map<String, Value>>, impl Describe> {
    let parse = |value: &Value| value.as_object().cloned().ok_or_else(|| "must be an object".to_owned());
    Kind::new(parse, FieldSchema::object)
}

fn whole_number(value: &Value, least: i64) -> Option<i64> {
    value.as_i64().filter(|number| (least..=GREATEST_NUMBER).contains(number))
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "must be a text".to_owned())
}

fn entries(value: &Value, min: usize, max: usize) -> Result<&[Value], String> {
    let entries = value.as_array().ok_or("must be a list")?;
    match entries.len() {
        0 if min > 0 => Err("must not be empty".to_owned()),
        count if count < min => Err(format!("must have at least {min} entries")),
        count if count > max => Err(format!("must have at most {max} entries")),
        _ => Ok(entries),
    }
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
    fn whole_numbers_are_integers_within_the_range_that_the_document_names() {
        for good in [-5, GREATEST_NUMBER, -GREATEST_NUMBER] {
            assert_eq!(integer().read(&json!(good)), Ok(good));
        }
        let beyond = [json!(GREATEST_NUMBER + 1), json!(-GREATEST_NUMBER - 1), json!(i64::MAX), json!(u64::MAX)];
        for bad in [json!(1.5), json!(1.0), json!("1"), json!(true), json!([1])].into_iter().chain(beyond) {
            let fault = "must be a whole number from -9007199254740991 to 9007199254740991";
            assert_eq!(integer().read(&bad), Err(fault.to_owned()), "{bad}");
        }
    }

    #[test]
    fn ids_are_from_one_to_the_greatest_number_of_the_document() {
        for good in [1, GREATEST_NUMBER] {
            assert_eq!(id::<BankId>().read(&json!(good)).map(BankId::get), Ok(good));
        }
        for bad in [json!(0), json!(-1), json!("1"), json!(1.5), json!(GREATEST_NUMBER + 1), json!(u64::MAX)] {
            let fault = "must be an id: a whole number from 1 to 9007199254740991".to_owned();
            assert_eq!(id::<BankId>().read(&bad).map(BankId::get), Err(fault), "{bad}");
        }
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(string(1, 3).read(&json!("äöü")).is_ok());
        assert_eq!(string(1, 3).read(&json!("")), Err("must not be empty".to_owned()));
        assert_eq!(string(1, 3).read(&json!("abcd")), Err("must have at most 3 characters".to_owned()));
        assert_eq!(string(2, 3).read(&json!("a")), Err("must have at least 2 characters".to_owned()));
    }

    #[test]
    fn lists_are_bounded_and_typed() {
        let kind = list(1, 2, string(1, 255));
        assert_eq!(kind.read(&json!(["a", "b"])).unwrap().len(), 2);
        assert_eq!(kind.read(&json!(["a", 1])), Err("each entry must be a text".to_owned()));
        for bad in [json!([]), json!(["a", "b", "c"]), json!("a"), json!([""]), json!([null])] {
            assert!(kind.read(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_domain_parser_speaks_for_itself() {
        let parse = |text: &str| text.parse::<u8>().map_err(|_| "must be a small number");
        assert_eq!(via(parse).read(&json!("7")), Ok(7));
        assert_eq!(via(parse).read(&json!("700")), Err("must be a small number".to_owned()));
        assert_eq!(via(parse).read(&json!(7)), Err("must be a text".to_owned()));
    }
}
