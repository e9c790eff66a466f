//! Percent-encoding of query strings, strictly.

use std::fmt::Write;

use crate::http::percent;
use crate::http::problem::Problem;

/// The decoded pairs of a query string; a bad escape or bad UTF-8 is malformed.
pub(super) fn pairs(query: &str) -> Result<Vec<(String, String)>, Problem> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

fn decode(text: &str) -> Result<String, Problem> {
    let malformed = || Problem::malformed("The query is not properly percent-encoded UTF-8.");
    percent::decode(&text.replace('+', " ")).ok_or_else(malformed)
}

/// Appends a text with everything but unreserved characters escaped.
pub(super) fn push_encoded(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else if write!(out, "%{byte:02X}").is_err() {
            // Writing to a `String` cannot fail.
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_reads_back(text in ".{0,40}") {
            let mut query = "q=".to_owned();
            push_encoded(&mut query, &text);
            prop_assert_eq!(pairs(&query).unwrap(), vec![("q".to_owned(), text)]);
        }
    }

    #[test]
    fn bad_escapes_are_malformed() {
        for bad in ["a=%", "a=%4", "a=%zz", "%ff=1", "a=%c3%28"] {
            assert!(pairs(bad).is_err(), "{bad}");
        }
        assert_eq!(pairs("a=1+2&&b").unwrap(), [("a".to_owned(), "1 2".to_owned()), ("b".to_owned(), String::new())]);
    }
}
