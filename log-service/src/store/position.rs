//! The rules that all adapters share: the form of a numeric id, and what an entry is found by.

use serde_json::Value;
use shared_events::{EventType, UserId, sides};

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

/// The keys by which an entry is found, besides its columns.
pub(super) struct SearchKeys {
    /// The message, and the texts and numbers of the data, each on a line of its own. Entries are bounded, and so is this. Of an
    /// event with sides it has what every reader may see: otherwise an owner could find out the other one's figures by searching.
    pub(super) text: String,
    /// The users who see the entry besides the one who caused it: the owners of the sides, so two at most.
    pub(super) viewers: Vec<UserId>,
}

impl SearchKeys {
    pub(super) fn of(event_type: &EventType, user_id: Option<UserId>, message: &str, data: &Value) -> Self {
        let mut text = folded(message);
        if !sides::has_sides(event_type.as_str()) {
            add_values(data, &mut text);
            return Self { text, viewers: Vec::new() };
        }
        add_values(&sides::shown_to(data, None), &mut text);
        let mut viewers = sides::owners(data);
        viewers.retain(|viewer| Some(*viewer) != user_id);
        Self { text, viewers }
    }

    /// The viewer of this number, from 0.
    pub(super) fn viewer(&self, number: usize) -> Option<i64> {
        self.viewers.get(number).map(|viewer| viewer.get())
    }
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
