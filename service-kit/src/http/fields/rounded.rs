//! Whole numbers that no reader of 64 bits takes: they have been read as the nearest double, which only their text shows.

use std::collections::BTreeSet;

/// `i64` has 19 digits, `u64` 20.
const LEAST_DIGITS: usize = 19;

/// The members of an object in whose values there is such a number. `json` is one that has been read.
pub(super) fn rounded_members(json: &str) -> BTreeSet<String> {
    // Nearly every body ends here.
    if !json.split(|character: char| !character.is_ascii_digit()).any(|digits| digits.len() >= LEAST_DIGITS) {
        return BTreeSet::new();
    }
    let mut members = BTreeSet::new();
    let (mut depth, mut member, mut rest) = (0_usize, "", json);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => length_of_text(rest),
            '-' | '0'..='9' => rest.find(|character: char| !is_of_number(character)).unwrap_or(rest.len()),
            other => other.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        match first {
            '{' | '[' => depth = depth.saturating_add(1),
            '}' | ']' => depth = depth.saturating_sub(1),
            '"' if depth == 1 && after.trim_start().starts_with(':') => member = token,
            '-' | '0'..='9' if is_rounded(token) => {
                members.insert(member);
            }
            _ => {}
        }
        rest = after;
    }
    members.into_iter().filter_map(|member| serde_json::from_str(member).ok()).collect()
}

/// With its quotes.
fn length_of_text(rest: &str) -> usize {
    let mut is_escaped = false;
    let end = rest.bytes().skip(1).position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(rest.len(), |end| end.saturating_add(2))
}

fn is_of_number(character: char) -> bool {
    matches!(character, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')
}

fn is_rounded(number: &str) -> bool {
    let is_whole = number.strip_prefix('-').unwrap_or(number).bytes().all(|byte| byte.is_ascii_digit());
    is_whole && number.parse::<i64>().is_err() && number.parse::<u64>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_beyond_64_bits_are_rounded_and_their_member_is_named() {
        for exact in [
            "{}",
            r#"{"a":[18446744073709551615,-9223372036854775808,-0]}"#,
            r#"{"a":1e300,"b":18446744073709551616.0,"c":123456789012345678901e2}"#,
            r#"{"a":"18446744073709551616","b":"\\\"18446744073709551616","18446744073709551616":true}"#,
        ] {
            assert_eq!(rounded_members(exact), BTreeSet::new(), "{exact}");
        }
        for (rounded, members) in [
            (r#"{"a":18446744073709551616,"b":1}"#, vec!["a"]),
            (r#"{"a":1, "d\u0061ta" : {"b":[{"c":-9223372036854775809}]},"e":"é\""}"#, vec!["data"]),
            (r#"{"é":[0,99999999999999999999],"b":{"a":123456789012345678901234567890}}"#, vec!["b", "é"]),
        ] {
            assert_eq!(rounded_members(rounded).into_iter().collect::<Vec<_>>(), members, "{rounded}");
        }
    }
}
