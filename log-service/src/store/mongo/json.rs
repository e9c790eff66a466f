//! An entry's data as BSON, so that operators can query it, where BSON can hold it exactly; else as JSON text.
//!
//! Text, because inexact in BSON: whole numbers beyond 64 bits signed, names that MongoDB reads as paths or operators, nesting
//! close to the server's limit of 100 levels.

use mongodb::bson::{Bson, Document};
use serde_json::{Map, Number, Value};

const MAX_DEPTH: usize = 64;

/// The value in BSON; none if reading it back could give another value.
pub(super) fn to_bson(value: &Value) -> Option<Bson> {
    convert(value, MAX_DEPTH)
}

fn convert(value: &Value, depth: usize) -> Option<Bson> {
    let below = depth.checked_sub(1)?;
    Some(match value {
        Value::Null => Bson::Null,
        Value::Bool(value) => Bson::Boolean(*value),
        Value::String(text) => Bson::String(text.clone()),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Bson::Int64(whole),
            None if number.is_f64() => Bson::Double(number.as_f64()?),
            None => return None,
        },
        Value::Array(items) => Bson::Array(items.iter().map(|item| convert(item, below)).collect::<Option<_>>()?),
        Value::Object(fields) => {
            let mut document = Document::new();
            for (name, value) in fields {
                document.insert(plain(name)?, convert(value, below)?);
            }
            Bson::Document(document)
        }
    })
}

fn plain(name: &str) -> Option<&str> {
    (!name.is_empty() && !name.starts_with('$') && !name.contains(['.', '\0'])).then_some(name)
}

/// The value of a BSON that this store wrote, or that an operator edited by hand into one that JSON has.
pub(super) fn from_bson(bson: Bson) -> Option<Value> {
    Some(match bson {
        Bson::Null => Value::Null,
        Bson::Boolean(value) => Value::Bool(value),
        Bson::String(text) => Value::String(text),
        Bson::Int32(whole) => Value::Number(whole.into()),
        Bson::Int64(whole) => Value::Number(whole.into()),
        Bson::Double(number) => Value::Number(Number::from_f64(number)?),
        Bson::Array(items) => Value::Array(items.into_iter().map(from_bson).collect::<Option<_>>()?),
        Bson::Document(fields) => {
            let fields = fields.into_iter().map(|(name, value)| Some((name, from_bson(value)?)));
            Value::Object(fields.collect::<Option<Map<_, _>>>()?)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_bson_holds_comes_back_as_it_was() {
        for value in [
            json!(null),
            json!({"n": [0, -1, i64::MAX, i64::MIN, 1.0, -0.5, 1e300], "é ": {"deep": [{}, []]}}),
            json!(["a\u{0}b", "", true, "💶"]),
            // The digits that a double keeps of 30, and doubles to their last digit.
            serde_json::from_str("[123456789012345678901234567890, 0.30000000000000004, 1.7976931348623157e308, -0]")
                .unwrap(),
        ] {
            let text = from_bson(to_bson(&value).unwrap()).unwrap().to_string();
            assert_eq!(text, value.to_string());
        }
    }

    #[test]
    fn what_bson_would_change_is_not_converted() {
        let mut deep = json!(1);
        for _ in 0..70 {
            deep = json!([deep]);
        }
        for value in [json!(u64::MAX), json!({"$set": 1}), json!({"a.b": 1}), json!({"": 1}), json!({"\u{0}": 1}), deep]
        {
            assert_eq!(to_bson(&value), None, "{value}");
        }
    }
}
