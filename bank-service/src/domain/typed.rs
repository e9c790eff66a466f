//! Codes and numbers as users type and paste them: separators and invisible characters are ignored.

use unicode_general_category::{GeneralCategory, get_general_category};

/// The text without blanks, line ends, hyphens and dashes of all kinds, and marks of direction.
pub fn without_separators(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().filter(|c| {
        let separates = matches!(
            get_general_category(*c),
            GeneralCategory::DashPunctuation | GeneralCategory::Format | GeneralCategory::SpaceSeparator
        );
        !(separates || c.is_whitespace())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_parts_digits_or_is_invisible_is_left_out() {
        for typed in [
            "123456",
            " 123 456\r\n",
            "123\u{a0}456",
            "123-456",
            "123\u{2011}456",
            "123\u{2013}456",
            "123\t456",
            "\u{202a}123456\u{202c}",
            "123\u{ad}456\u{feff}",
        ] {
            assert_eq!(without_separators(typed).collect::<String>(), "123456", "{typed:?}");
        }
        assert_eq!(without_separators("12_3.4").collect::<String>(), "12_3.4");
    }
}
