//! Texts in the characters and lengths that a format has room for.

use any_ascii::any_ascii_char;

use crate::domain::unwritable::is_unwritable;

/// The first characters of a text, at most so many.
pub(super) fn cut(text: &str, most: usize) -> &str {
    text.char_indices().nth(most).and_then(|(at, _)| text.get(..at)).unwrap_or(text)
}

/// The text in SWIFT's character set X: letters and digits without marks, space and `/-?:().,'+`. What has no form there is
/// left out, and no two spaces follow one another.
pub(super) fn swift(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for c in text.chars() {
        let mut utf8 = [0; 4];
        let ascii: &str = if c.is_ascii() { c.encode_utf8(&mut utf8) } else { any_ascii_char(c) };
        for c in ascii.chars() {
            match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '/' | '-' | '?' | ':' | '(' | ')' | '.' | ',' | '\'' | '+' => {
                    written.push(c);
                }
                '_' | '~' => written.push('-'),
                '"' | '`' => written.push('\''),
                '[' | '{' | '<' => written.push('('),
                ']' | '}' | '>' => written.push(')'),
                '\\' | '|' => written.push('/'),
                ';' => written.push(','),
                '!' | '#' | '*' | '=' | '^' => written.push('.'),
                '&' => written.push('+'),
                '@' => written.push_str("(at)"),
                '%' => written.push_str("pct"),
                '$' => written.push_str("USD"),
                _ if written.ends_with(' ') || written.is_empty() => {}
                _ => written.push(' '),
            }
        }
    }
    written.truncate(written.trim_end().len());
    written
}

/// The text without the characters that XML 1.0 cannot hold, or should not.
pub(super) fn xml(text: &str) -> String {
    text.chars().filter(|c| *c == '\t' || !is_unwritable(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!((cut("äöü", 2), cut("äöü", 3), cut("", 1), cut("a", 0)), ("äö", "äöü", "", ""));
    }

    #[test]
    fn a_text_for_swift_has_only_its_characters() {
        for (given, expected) in [
            ("INVOICE-7", "INVOICE-7"),
            ("Łódź & Söhne_GmbH", "Lodz + Sohne-GmbH"),
            ("a@b.example; 50%", "a(at)b.example, 50pct"),
            ("  two\t\n words  ", "two words"),
            ("Πληρωμή", "Pliromi"),
            ("=1+1", ".1+1"),
            ("\u{200b}", ""),
        ] {
            assert_eq!(swift(given), expected, "{given}");
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || " /-?:().,'+".contains(c);
        let every: String = (0..0x3000).filter_map(char::from_u32).collect();
        assert!(swift(&every).chars().all(allowed));
    }

    #[test]
    fn what_xml_cannot_hold_is_left_out() {
        assert_eq!(xml("a\u{0}b\u{b}c\u{ffff}d\u{85}e<&>"), "abcde<&>");
    }
}
