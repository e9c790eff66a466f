//! Strangers' text, made fit for one line.

/// The text on one line: every control character and line separator becomes a space, runs of white space become one, and
/// the characters that reverse the reading direction are dropped.
pub fn single_line(text: &str) -> String {
    let spaced: String =
        text.chars().filter(|c| !turns_direction(*c)).map(|c| if breaks(c) { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most `max` characters; a cut is shown by an ellipsis.
pub fn clip(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max.saturating_sub(1)).chain(std::iter::once('…')).collect()
}

fn breaks(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Bidirectional controls: with them `moc.knab` reads as `bank.com`.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_stays_one_line() {
        assert_eq!(single_line(" a\r\nBcc: b\u{0}\u{2028}c\u{202e}d "), "a Bcc: b cd");
        assert_eq!(clip("abcdef", 4), "abc…");
        assert_eq!(clip("äöü", 3), "äöü");
    }
}
