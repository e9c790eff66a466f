//! Cursors: opaque to clients, safe in a URL.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// In front of an id of 64 bits, so that the form can change without old cursors being misread.
const SHORT: u8 = 1;
/// In front of any other id, such as a UUID.
const LONG: u8 = 2;

/// The ids that a list is ordered by, which its cursors hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdKind {
    /// Of 64 bits.
    Number,
    Uuid,
}

impl IdKind {
    /// `None` for a text that no list of such ids has returned: a foreign place would end a walk without a sign.
    pub(super) fn decode(self, text: &str) -> Option<i128> {
        decode_cursor(text).filter(|id| match self {
            Self::Number => i64::try_from(*id).is_ok(),
            Self::Uuid => *id > i128::from(i64::MAX),
        })
    }
}

pub fn encode_cursor(id: i128) -> String {
    let mut bytes = Vec::with_capacity(17);
    if let Ok(id) = i64::try_from(id) {
        bytes.push(SHORT);
        bytes.extend(id.to_be_bytes());
    } else {
        bytes.push(LONG);
        bytes.extend(id.to_be_bytes());
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

/// `None` for a text that [`encode_cursor`] did not make.
pub fn decode_cursor(text: &str) -> Option<i128> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    match bytes.split_first()? {
        (&SHORT, id) => id.try_into().ok().map(i64::from_be_bytes).map(i128::from),
        (&LONG, id) => id.try_into().ok().map(i128::from_be_bytes).filter(|id| i64::try_from(*id).is_err()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_cursor_reads_back(id in prop_oneof![any::<i64>().prop_map(i128::from), any::<i128>()]) {
            let cursor = encode_cursor(id);
            prop_assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            prop_assert_eq!(decode_cursor(&cursor), Some(id));
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".{0,40}") {
            if let Some(id) = decode_cursor(&text) {
                prop_assert_eq!(encode_cursor(id), text);
            }
        }
    }
}
