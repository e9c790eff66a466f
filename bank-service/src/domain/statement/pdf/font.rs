//! The fonts: Helvetica and its bold one, which every reader of PDF has, in `WinAnsi` encoding; and how wide texts are in them.
//!
//! Lengths are in twips, twentieths of a point, so that no float is needed.

use any_ascii::any_ascii_char;

/// The characters of `WinAnsi` that Unicode has elsewhere, from 0x80 on.
const SPECIAL: [(char, u8); 27] = [
    ('€', 0x80),
    ('‚', 0x82),
    ('ƒ', 0x83),
    ('„', 0x84),
    ('…', 0x85),
    ('†', 0x86),
    ('‡', 0x87),
    ('ˆ', 0x88),
    ('‰', 0x89),
    ('Š', 0x8a),
    ('‹', 0x8b),
    ('Œ', 0x8c),
    ('Ž', 0x8e),
    ('‘', 0x91),
    ('’', 0x92),
    ('“', 0x93),
    ('”', 0x94),
    ('•', 0x95),
    ('–', 0x96),
    ('—', 0x97),
    ('˜', 0x98),
    ('™', 0x99),
    ('š', 0x9a),
    ('›', 0x9b),
    ('œ', 0x9c),
    ('ž', 0x9e),
    ('Ÿ', 0x9f),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Font {
    Regular,
    Bold,
}

impl Font {
    /// The name of the font in all pages.
    pub(super) fn name(self) -> &'static [u8] {
        match self {
            Self::Regular => b"F1",
            Self::Bold => b"F2",
        }
    }

    pub(super) fn base(self) -> &'static [u8] {
        match self {
            Self::Regular => b"Helvetica",
            Self::Bold => b"Helvetica-Bold",
        }
    }

    /// How wide an encoded text is, at a size, both in twips.
    pub(super) fn width(self, text: &[u8], size: i32) -> i32 {
        let widths = match self {
            Self::Regular => &REGULAR,
            Self::Bold => &BOLD,
        };
        let width = |byte: &u8| usize::from(*byte).checked_sub(FIRST).and_then(|at| widths.get(at)).copied();
        let sum: i32 = text.iter().filter_map(width).map(i32::from).sum();
        sum.saturating_mul(size) / 1_000
    }
}

/// A text in `WinAnsi`. Characters that it does not have are transliterated, at most to so many in all.
pub(super) fn encoded(text: &str, most: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match win_ansi(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(any_ascii_char(c).as_bytes()),
        }
    }
    bytes.truncate(most);
    bytes
}

fn win_ansi(c: char) -> Option<u8> {
    match c {
        ' '..='~' | '\u{a0}'..='\u{ff}' => u8::try_from(c).ok(),
        _ if c.is_control() => Some(b' '),
        _ => SPECIAL.iter().find(|(special, _)| *special == c).map(|(_, byte)| *byte),
    }
}

/// Cuts an encoded text into lines of at most this width: between words, and within a word only if it does not fit alone.
pub(super) fn wrapped(text: &[u8], font: Font, size: i32, width: i32) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    let mut line: Vec<u8> = Vec::new();
    for word in text.split(|byte| *byte == b' ').filter(|word| !word.is_empty()) {
        let space: &[u8] = if line.is_empty() { b"" } else { b" " };
        let longer = [line.as_slice(), space, word].concat();
        if font.width(&longer, size) <= width {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for byte in word {
            line.push(*byte);
            if font.width(&line, size) > width && line.len() > 1 {
                line.pop();
                lines.push(std::mem::replace(&mut line, vec![*byte]));
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

const FIRST: usize = 32;

/// Of the characters from 32 to 255, in thousandths of the size of the font; 0 where there is no character.
const REGULAR: [u16; 224] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584, 0, 556, 0, 222, 556, 333, 1000, 556, 556, 333, 1000, 667, 333, 1000, 0, 611, 0, 0, 222, 222, 333,
    333, 350, 556, 1000, 333, 1000, 500, 333, 944, 0, 500, 667, 278, 333, 556, 556, 556, 556, 260, 556, 333, 737, 370,
    556, 584, 333, 737, 333, 400, 584, 333, 333, 333, 556, 537, 278, 333, 333, 365, 556, 834, 834, 834, 611, 667, 667,
    667, 667, 667, 667, 1000, 722, 667, 667, 667, 667, 278, 278, 278, 278, 722, 722, 778, 778, 778, 778, 778, 584, 778,
    722, 722, 722, 722, 667, 667, 611, 556, 556, 556, 556, 556, 556, 889, 500, 556, 556, 556, 556, 278, 278, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 584, 611, 556, 556, 556, 556, 500, 556, 500,
];

/// The same of the bold font.
const BOLD: [u16; 224] = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556, 333, 556, 611, 556, 611,
    556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389,
    280, 389, 584, 0, 556, 0, 278, 556, 500, 1000, 556, 556, 333, 1000, 667, 333, 1000, 0, 611, 0, 0, 278, 278, 500,
    500, 350, 556, 1000, 333, 1000, 556, 333, 944, 0, 500, 667, 278, 333, 556, 556, 556, 556, 280, 556, 333, 737, 370,
    556, 584, 333, 737, 333, 400, 584, 333, 333, 333, 611, 556, 278, 333, 333, 365, 556, 834, 834, 834, 611, 722, 722,
    722, 722, 722, 722, 1000, 722, 667, 667, 667, 667, 278, 278, 278, 278, 722, 722, 778, 778, 778, 778, 778, 584, 778,
    722, 722, 722, 722, 667, 667, 611, 556, 556, 556, 556, 556, 556, 889, 556, 556, 556, 556, 556, 278, 278, 278, 278,
    611, 611, 611, 611, 611, 611, 611, 584, 611, 611, 611, 611, 611, 556, 611, 556,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_as_wide_as_its_characters() {
        // Of the font's published metrics (AFM).
        assert_eq!(Font::Regular.width(b"A", 1_000), 667);
        assert_eq!(Font::Regular.width(b"0123456789,.", 1_000), 10 * 556 + 2 * 278);
        assert_eq!(Font::Bold.width(&encoded("€ä", 9), 1_000), 556 + 556);
        assert_eq!(Font::Bold.width(b"", 180), 0);
        assert_eq!(Font::Regular.width(b"AA", 180), 2 * 667 * 180 / 1_000);
        for text in ["Ÿ", "ÿ", "~", " "] {
            assert!(Font::Regular.width(&encoded(text, 9), 1_000) > 0, "{text}");
        }
    }

    #[test]
    fn a_character_that_the_font_does_not_have_is_transliterated() {
        assert_eq!(encoded("Söhne – 5 €", 99), b"S\xf6hne \x96 5 \x80");
        assert_eq!(encoded("Łódź, 深圳", 99), b"L\xf3dz, ShenZhen");
        assert_eq!(encoded("a\tb", 99), b"a b");
        assert_eq!(encoded("深圳", 5), b"ShenZ");
    }

    #[test]
    fn a_text_is_wrapped_between_words_and_a_long_word_within() {
        let wrap = |text: &str, width| {
            let lines = wrapped(text.as_bytes(), Font::Regular, 1_000, width);
            lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(wrap("aa bb  cc", 2_600), ["aa bb", "cc"]);
        assert_eq!(wrap("aaaaa b", 1_400), ["aa", "aa", "a b"]);
        assert_eq!(wrap("a bbbbb", 1_200), ["a", "bb", "bb", "b"]);
        assert_eq!(wrap("ab", 1), ["a", "b"]);
        assert_eq!(wrap("  ", 500), Vec::<String>::new());
    }
}
