//! The secrets of a test, which only their owner may be able to read.

use std::collections::HashMap;
use std::sync::Mutex;

/// The length of the prefix that the search uses.
const BEGIN: usize = 6;

#[derive(Debug, Clone)]
struct Secret {
    what: String,
    text: String,
    /// Allowed in the database, where it belongs, and nowhere else.
    is_data: bool,
}

#[derive(Default)]
pub(crate) struct Secrets(Mutex<Vec<Secret>>);

impl Secrets {
    /// Remembers a secret, and gives it back.
    pub(crate) fn keep(&self, what: &str, text: impl Into<String>) -> String {
        self.add(what, text.into(), false)
    }

    /// The same for a value that the database has to hold, and no other place may.
    pub(crate) fn keep_data(&self, what: &str, text: impl Into<String>) -> String {
        self.add(what, text.into(), true)
    }

    fn add(&self, what: &str, text: String, is_data: bool) -> String {
        assert!(text.len() >= BEGIN, "{what}: {text:?} is too short to be looked for");
        self.0.lock().unwrap().push(Secret { what: what.to_owned(), text: text.clone(), is_data });
        text
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The secrets found in these bytes, which may be the database's.
    pub(crate) fn found_in(&self, bytes: &[u8], is_database: bool) -> Vec<String> {
        let secrets: Vec<Secret> =
            self.0.lock().unwrap().iter().filter(|secret| !(is_database && secret.is_data)).cloned().collect();
        let mut by_begin: HashMap<&[u8], Vec<&Secret>> = HashMap::new();
        let mut begins = vec![false; 1 << 16];
        for secret in &secrets {
            let begin = &secret.text.as_bytes()[..BEGIN];
            begins[pair(begin)] = true;
            by_begin.entry(begin).or_default().push(secret);
        }
        let mut found: Vec<String> = Vec::new();
        for (at, window) in bytes.windows(BEGIN).enumerate() {
            if begins[pair(window)]
                && let Some(candidates) = by_begin.get(window)
            {
                let stand = candidates.iter().filter(|secret| stands_at(bytes, at, &secret.text));
                found.extend(stand.map(|secret| secret.what.clone()));
            }
        }
        found.sort();
        found.dedup();
        found
    }
}

fn pair(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

fn stands_at(bytes: &[u8], at: usize, text: &str) -> bool {
    // Six digits occur in many numbers; a code has no digit or letter beside it. A fraction of a second is no code.
    let is_code = text.bytes().all(|byte| byte.is_ascii_digit());
    let before = at.checked_sub(1).and_then(|at| bytes.get(at)).copied().unwrap_or(b' ');
    let after = bytes.get(at + text.len()).copied().unwrap_or(b' ');
    let is_alone = !before.is_ascii_alphanumeric() && before != b'.' && !after.is_ascii_alphanumeric();
    bytes[at..].starts_with(text.as_bytes()) && (!is_code || is_alone)
}

#[test]
fn a_secret_is_found_and_a_code_not_within_other_numbers() {
    let secrets = Secrets::default();
    secrets.keep("code", "123456");
    secrets.keep("token", "abcdefgh");
    secrets.keep_data("number", "+4915112345678");
    assert_eq!(secrets.found_in(br#"{"code":"123456"} x=abcdefgh1"#, true), ["code", "token"]);
    assert_eq!(secrets.found_in(b"123456", true), ["code"]);
    assert!(secrets.found_in(b"00:00:01.123456Z 1234567 f123456 +4915112345678 abcdefg", true).is_empty());
    assert_eq!(secrets.found_in(b"to +4915112345678", false), ["number"]);
}
