//! What every adapter agrees on: the form of an id that is a number, and the form in which messages are searched.

use crate::domain::LogId;

/// The number of an entry's id, if it has the one decimal form that a store gives.
pub(super) fn number(id: &LogId) -> Option<i64> {
    let number: i64 = id.as_str().parse().ok()?;
    (number >= 1 && number.to_string() == id.as_str()).then_some(number)
}

/// A message as it is searched, in any case of every script: engines know ASCII only, or a locale.
pub(super) fn folded(message: &str) -> String {
    message.to_lowercase()
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
