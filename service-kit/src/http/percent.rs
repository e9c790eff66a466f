//! Percent-encoding (RFC 3986), strictly.

/// The text that is encoded; none if an escape is not `%` with two hex digits, or the bytes are not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let (high, low) = (hex(rest.next())?, hex(rest.next())?);
                high << 4 | low
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex(byte: Option<u8>) -> Option<u8> {
    let digit = char::from(byte?).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_two_hex_digits_each_and_their_bytes_utf_8() {
        for (text, expected) in [("a+b", "a+b"), ("%41%2f", "A/"), ("%c3%A9", "é"), ("é", "é"), ("%00", "\0")] {
            assert_eq!(decode(text).as_deref(), Some(expected), "{text}");
        }
        for bad in ["%", "%4", "a%", "%zz", "%+1", "%ff", "%c3%28", "%c3", "%ed%a0%80"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
