//! JSON, strictly: a key that stands twice in an object is malformed, since two readers may take different ones.
//!
//! JSON has no limits and every reader of it has some (RFC 8259, 9): a body that exceeds ours is refused with that limit's
//! name, and not as malformed JSON.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Number, Value};

use crate::http::problem::Problem;

/// Reads one JSON value; the problem for a bad one names the place of the fault and repeats nothing of the value.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::malformed("There is no body; a JSON object is expected."));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::malformed("The body is not valid UTF-8."))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    value.map_err(|error| {
        let fault = match error.classify() {
            Category::Data => "holds a key twice",
            _ => beyond_limits(text, &error).unwrap_or("is not valid JSON"),
        };
        Problem::malformed(format!("The body {fault} (line {}, column {}).", error.line(), error.column()))
    })
}

/// The limit that a text exceeds, as the end of a sentence about it; none if it is not JSON at all, or not the expected type.
/// `error` is the result of reading it.
pub fn beyond_limits(text: &str, error: &serde_json::Error) -> Option<&'static str> {
    if error.is_data() {
        return None;
    }
    // A value that is skipped is read by the grammar alone: to any depth, with numbers of any size.
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let limit = error.to_string();
    Some(if limit.starts_with("number out of range") {
        "holds a number beyond ±1.7976931348623157e308, the range of a double"
    } else if limit.starts_with("recursion limit exceeded") {
        "is nested deeper than 127 levels"
    } else {
        "holds an escape that is no character, such as one half of a surrogate pair"
    })
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let value = members.next_value_seed(Strict)?;
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("a key stands twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::ErrorCode;

    #[test]
    fn good_json_reads_as_it_is() {
        let text = r#"{"a":[1,-2,1.5,true,null,"x"],"b":{"a":18446744073709551615}}"#;
        assert_eq!(parse(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }

    fn refused(text: &[u8]) -> Problem {
        let problem = parse(text).unwrap_err();
        assert_eq!(problem.code(), ErrorCode::MalformedRequest);
        problem
    }

    #[test]
    fn bad_json_is_malformed_and_not_repeated() {
        let deep = "[".repeat(100_000);
        let cases: [&[u8]; 9] = [
            b"",
            b"{",
            b"{\"a\":1}x",
            b"\xff\xfe",
            b"{\"a\":1e999}",
            b"{a:1}",
            b"{\"secret\":1,\"secret\":2}",
            b"[{\"k\":{\"d\":1,\"d\":1}}]",
            deep.as_bytes(),
        ];
        for case in cases {
            assert!(!refused(case).detail().contains("secret"));
        }
    }

    #[test]
    fn json_beyond_a_limit_is_refused_by_the_name_of_that_limit() {
        let levels = |count: usize| format!("{}{}", "[".repeat(count), "]".repeat(count));
        assert!(parse(levels(127).as_bytes()).is_ok());
        let (huge, exponent) = (format!("{{\"a\":[0,\n{}]}}", "9".repeat(401)), r#"{"a":-1e400}"#.to_owned());
        for (text, limit) in [
            (huge, "holds a number beyond ±1.7976931348623157e308, the range of a double (line 2, column"),
            (exponent, "holds a number beyond ±1.7976931348623157e308, the range of a double (line 1, column"),
            (levels(128), "is nested deeper than 127 levels (line 1, column 128)."),
            (levels(20_000), "is nested deeper than 127 levels (line 1, column 128)."),
            (r#"{"a":"\ud800"}"#.to_owned(), "holds an escape that is no character"),
        ] {
            let detail = refused(text.as_bytes()).detail().to_owned();
            assert!(detail.starts_with(&format!("The body {limit}")), "{detail}");
        }
        for no_json in [levels(200).replacen(']', "", 1), "[1e400".to_owned(), "[-]".to_owned(), "[01]".to_owned()] {
            assert!(refused(no_json.as_bytes()).detail().starts_with("The body is not valid JSON"), "{no_json}");
        }
    }
}
