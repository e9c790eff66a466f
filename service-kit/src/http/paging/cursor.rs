//! Cursors: opaque to clients, safe in a URL, and each of one list: of another one it is no place at all.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// In front of an id of 64 bits, so that the form can change without old cursors being misread: 1 and 2 were in front of those that
/// named no list.
const SHORT: u8 = 3;
/// In front of any other id, such as a UUID.
const LONG: u8 = 4;

/// The ids that a list is ordered by, which its cursors hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdKind {
    /// Of 64 bits.
    Number,
    Uuid,
}

impl IdKind {
    /// `None` for a text that the list of this path, with such ids, has not returned: a foreign place would end a walk, or begin it
    /// in the middle, without a sign.
    pub(super) fn decode(self, path: &str, text: &str) -> Option<i128> {
        decode_cursor(path, text).filter(|id| match self {
            Self::Number => i64::try_from(*id).is_ok(),
            Self::Uuid => *id > i128::from(i64::MAX),
        })
    }
}

/// The place behind this id in the list of this path.
pub fn encode_cursor(path: &str, id: i128) -> String {
    let mut bytes = Vec::with_capacity(19);
    if let Ok(id) = i64::try_from(id) {
        bytes.push(SHORT);
        bytes.extend(tag_of(path));
        bytes.extend(id.to_be_bytes());
    } else {
        bytes.push(LONG);
        bytes.extend(tag_of(path));
        bytes.extend(id.to_be_bytes());
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

/// `None` for a text that [`encode_cursor`] did not make for this path.
pub fn decode_cursor(path: &str, text: &str) -> Option<i128> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let ([form, tag @ ..], id) = bytes.split_first_chunk::<3>()?;
    if *tag != tag_of(path) {
        return None;
    }
    match *form {
        SHORT => id.try_into().ok().map(i64::from_be_bytes).map(i128::from),
        LONG => id.try_into().ok().map(i128::from_be_bytes).filter(|id| i64::try_from(*id).is_err()),
        _ => None,
    }
}

/// Tells the list of this path from nearly every other (FNV-1a, folded). Below `/v1`, and at a root without `/api`, it is the same list.
fn tag_of(path: &str) -> [u8; 2] {
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let path = path.strip_prefix("/api").unwrap_or(path).trim_end_matches('/');
    let hash = path.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let [first, second, third, fourth] = hash.to_be_bytes();
    [first ^ third, second ^ fourth]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATH: &str = "/api/banks";

    #[test]
    fn a_cursor_is_of_one_list_however_its_path_is_written() {
        for id in [7, i128::from(i64::MAX) + 1] {
            let cursor = encode_cursor(PATH, id);
            for same in ["/v1/api/banks", "/api/banks/", "/banks"] {
                assert_eq!(decode_cursor(same, &cursor), Some(id), "{same}");
            }
            for other in ["/api/cities", "/api/banks/1/accounts", "/console/bank/banks", "/api", "", "/"] {
                assert_eq!(decode_cursor(other, &cursor), None, "{other}");
            }
        }
        let entries = encode_cursor("/api/accounts/1/entries", 7);
        assert_eq!(decode_cursor("/api/accounts/2/entries", &entries), None, "each account has a list of its own");
    }

    #[test]
    fn a_cursor_that_names_no_list_is_none() {
        let old = URL_SAFE_NO_PAD.encode([1, 0, 0, 0, 0, 0, 0, 0, 4]);
        assert_eq!((old.as_str(), decode_cursor(PATH, &old)), ("AQAAAAAAAAAE", None));
    }

    proptest! {
        #[test]
        fn every_cursor_reads_back(id in prop_oneof![any::<i64>().prop_map(i128::from), any::<i128>()]) {
            let cursor = encode_cursor(PATH, id);
            prop_assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            prop_assert_eq!(decode_cursor(PATH, &cursor), Some(id));
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".{0,40}") {
            if let Some(id) = decode_cursor(PATH, &text) {
                prop_assert_eq!(encode_cursor(PATH, id), text);
            }
        }
    }
}
