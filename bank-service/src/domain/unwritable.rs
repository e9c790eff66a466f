//! Characters that are in no text of a user: control characters, and what Unicode keeps from interchange (noncharacters). XML has no
//! form for most of them, so neither has a statement.

/// Whether the character is one of those.
pub fn is_unwritable(c: char) -> bool {
    let is_noncharacter = matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
    is_noncharacter || c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_noncharacters_are_unwritable() {
        for c in ['\0', '\n', '\u{7f}', '\u{85}', '\u{fdd0}', '\u{fdef}', '\u{fffe}', '\u{ffff}', '\u{1fffe}'] {
            assert!(is_unwritable(c), "{c:?}");
        }
        for c in [' ', 'a', 'ß', '深', '\u{fdcf}', '\u{fdf0}', '\u{fffd}', '\u{10000}', '🏦'] {
            assert!(!is_unwritable(c), "{c:?}");
        }
        assert_eq!((0..=0x0010_ffff).filter_map(char::from_u32).filter(|c| is_unwritable(*c)).count(), 65 + 66);
    }
}
