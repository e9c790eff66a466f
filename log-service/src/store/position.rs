//! The rules that all adapters share: the form of a numeric id, and the form in which messages are searched.

use serde_json::Value;

use crate::domain::LogId;

/// The number of an entry's id, if it has the one decimal form that a store makes.
pub(super) fn number(id: &LogId) -> Option<i64> {
    let number: i64 = id.as_str().parse().ok()?;
    (number >= 1 && number.to_string() == id.as_str()).then_some(number)
}

/// A text as it is searched, in any case of every script: engines support ASCII only, or a locale.
pub(super) fn folded(text: &str) -> String {
    text.to_lowercase()
}

/// The searched text of an entry: its message, and the texts and numbers of its data, each on a line of its own. Entries are
/// bounded, and so is this.
pub(super) fn searched(message: &str, data: &Value) -> String {
    let mut text = folded(message);
    add_values(data, &mut text);
    text
}

/// The depth is bounded by the JSON reader (127 levels).
fn add_values(value: &Value, text: &mut String) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => add_line(&number.to_string(), text),
        Value::String(words) => add_line(&folded(words), text),
        Value::Array(items) => items.iter().for_each(|item| add_values(item, text)),
        Value::Object(fields) => fields.values().for_each(|item| add_values(item, text)),
    }
}

fn add_line(line: &str, text: &mut String) {
    text.push('\n');
    text.push_str(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_decimal_form_of_a_number_is_an_id() {
        assert_eq!(number(&"7".parse().unwrap()), Some(7));
        for other in ["0", "007", "a1", "9223372036854775808", "65a6f0c2b4d3e1f2a3b4c5d6"] {
            assert_eq!(number(&other.parse().unwrap()), None, "{other}");
        }
    }
}
