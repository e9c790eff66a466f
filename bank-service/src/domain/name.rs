//! Names of people, banks, cities and social statuses.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use shared_events::NAME_MARKS;
use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_normalization::UnicodeNormalization;

const MAX_CHARS: usize = 100;

/// A name of 1–100 characters (Unicode scalar values in NFC), without space at either end and with one blank for each run of
/// spaces. It consists of letters and digits of any script, dashes and [`NAME_MARKS`], and has at least one letter. A combining
/// mark follows a letter and is a part of it; a joiner is inside a word. Two spellings that differ only in composition or in the
/// kind of space are the same name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("must be 1–{MAX_CHARS} characters long")]
    Length,
    #[error("must consist of letters, digits, spaces, dashes and the marks {NAME_MARKS}")]
    Character,
    #[error("must have a letter in it")]
    NoLetter,
}

impl Name {
    /// Parses the text after normalising it with [`Self::spelled`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let name = Self::spelled(text);
        if !(1..=MAX_CHARS).contains(&name.chars().count()) {
            return Err(NameError::Length);
        }
        let mut before = Kind::Separator;
        let mut rest = name.chars();
        while let Some(c) = rest.next() {
            let in_word = matches!(before, Kind::Letter | Kind::Mark);
            let kind = kind(c);
            let fits = match kind {
                Kind::Letter | Kind::Digit | Kind::Separator => true,
                Kind::Mark => in_word,
                Kind::Joiner => in_word && rest.clone().next().map(self::kind) == Some(Kind::Letter),
                Kind::Other => false,
            };
            if !fits {
                return Err(NameError::Character);
            }
            before = kind;
        }
        if name.chars().any(|c| kind(c) == Kind::Letter) { Ok(Self(name)) } else { Err(NameError::NoLetter) }
    }

    /// The text in the normal form of a name, valid or not; list filters use it.
    pub fn spelled(text: &str) -> String {
        let mut spelled = String::with_capacity(text.len());
        for c in text.trim().nfc() {
            if get_general_category(c) != GeneralCategory::SpaceSeparator {
                spelled.push(c);
            } else if !spelled.ends_with(' ') {
                spelled.push(' ');
            }
        }
        spelled
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Digit,
    Mark,
    Joiner,
    Separator,
    Other,
}

fn kind(c: char) -> Kind {
    match c {
        // Joiners join or separate letters of Persian, Sinhala and others; elsewhere they are invisible.
        '\u{200c}' | '\u{200d}' => return Kind::Joiner,
        // Invisible characters: emoji marks, marks that separate letters in sorting, invisible Khmer vowels, and Korean fillers
        // for a missing letter.
        '\u{fe0e}' | '\u{fe0f}' | '\u{34f}' | '\u{17b4}' | '\u{17b5}' | '\u{115f}' | '\u{1160}' | '\u{3164}'
        | '\u{ffa0}' => {
            return Kind::Other;
        }
        _ => {}
    }
    match get_general_category(c) {
        GeneralCategory::UppercaseLetter
        | GeneralCategory::LowercaseLetter
        | GeneralCategory::TitlecaseLetter
        | GeneralCategory::ModifierLetter
        | GeneralCategory::OtherLetter
        // Letters such as 〇, and Roman numerals.
        | GeneralCategory::LetterNumber => Kind::Letter,
        GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark => Kind::Mark,
        GeneralCategory::DecimalNumber => Kind::Digit,
        GeneralCategory::DashPunctuation => Kind::Separator,
        _ if c == ' ' || NAME_MARKS.contains(c) => Kind::Separator,
        _ => Kind::Other,
    }
}

impl FromStr for Name {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Real names, and near variants of them that are invalid.
    #[test]
    fn names_of_people_places_and_companies_are_taken_as_they_are() {
        for good in [
            "John Doe",
            "Anne-Marie O'Neil",
            "Łukasz",
            "王小明",
            "نورة",
            "Ζωή",
            "देवनागरी",
            "O\u{2019}Brien",
            "x",
            "N26",
            "1822direkt",
            "J.P. Morgan",
            "St. Petersburg",
            "King, Jr.",
            "Frankfurt (Oder)",
            "AT&T",
            "SA/NV",
            "C+C",
            "Bank #1",
            "Yahoo!",
            "Gal·la",
            "マリア・テレジア",
            "צה״ל",
            "ג׳ורג׳",
            "Kaʻahumanu",
            "D‘Angelo",
            "Банк «Восток»",
            "中国银行（香港）",
            "Anne\u{2011}Marie",
            "Saint\u{2013}Denis",
            "علی\u{200c}رضا",
            "ශ්\u{200d}රී",
            "٣ فروع",
            "葛\u{e0100}城",
            "〇七",
        ] {
            assert_eq!(Name::parse(good).map(String::from), Ok(good.to_owned()), "{good}");
        }
    }

    #[test]
    fn what_shows_nothing_is_no_letter() {
        for filler in ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}', '\u{17b4}', '\u{2800}'] {
            for name in [filler.to_string(), format!("a{filler}b")] {
                assert_eq!(Name::parse(&name), Err(NameError::Character), "{name:?}");
            }
        }
    }

    #[test]
    fn every_further_mark_is_taken() {
        for mark in NAME_MARKS.chars() {
            assert!(Name::parse(&format!("a{mark}b")).is_ok(), "{mark}");
        }
        assert!(!NAME_MARKS.contains([
            '<', '>', '=', ';', '@', '`', '$', '{', '}', '[', ']', '|', '%', '*', '?', '\\', '_', '~', '^'
        ]));
    }

    #[test]
    fn a_joiner_stands_within_a_word_only() {
        for bad in [
            "\u{200c}a",
            "a\u{200c}",
            "a\u{200c}\u{200c}b",
            "a\u{200d}\u{200c}b",
            "a \u{200c}b",
            "a\u{200c} b",
            "a\u{200d}-b",
            "1\u{200d}a",
            "a\u{200d}1",
            "a\u{200d}\u{301}",
        ] {
            assert_eq!(Name::parse(bad), Err(NameError::Character), "{bad:?}");
        }
    }

    #[test]
    fn space_is_one_blank_and_composition_makes_no_difference() {
        assert_eq!(Name::parse("  Zoe\u{308} "), Name::parse("Zo\u{eb}"));
        for spaced in ["山田\u{3000}太郎", "山田\u{a0}太郎", "山田  太郎", "\u{3000}山田 \u{2009}\u{a0}太郎\u{a0}"]
        {
            assert_eq!(Name::parse(spaced).map(String::from), Ok("山田 太郎".to_owned()), "{spaced:?}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in [
            "",
            "   ",
            "\u{200b}a",
            "a\u{200b}b",
            "a\u{2066}b",
            "a\u{ad}b",
            "a\u{feff}b",
            "a\u{2028}b",
            "a\tb",
            "a=b",
            "a@b",
            "a_b",
            "a\u{fe0f}b",
            "a1\u{fe0f}\u{20e3}",
            "a1\u{301}",
            "a👩\u{200d}👧",
            "a\u{0}b",
            "a<b>",
            "a;b",
            "a\nb",
            "a\u{202e}b",
            "💶",
            "\u{301}a",
            "a \u{301}",
        ] {
            assert!(Name::parse(bad).is_err(), "{bad:?}");
        }
        for no_letter in ["-'-", "26", "(1)", "٣"] {
            assert_eq!(Name::parse(no_letter), Err(NameError::NoLetter), "{no_letter}");
        }
    }

    #[test]
    fn a_hundred_characters_are_the_most() {
        assert!(Name::parse(&"ж".repeat(100)).is_ok());
        assert_eq!(Name::parse(&"ж".repeat(101)), Err(NameError::Length));
        assert!(Name::parse(&"e\u{301}".repeat(100)).is_ok(), "counted after composition");
    }

    proptest! {
        #[test]
        fn a_name_that_is_taken_is_taken_again_unchanged(text in "\\PC{0,120}") {
            if let Ok(name) = Name::parse(&text) {
                prop_assert_eq!(Name::parse(name.as_str()), Ok(name.clone()));
                prop_assert!((1..=100).contains(&name.as_str().chars().count()));
                prop_assert!(!name.as_str().chars().any(char::is_control));
            }
        }

        #[test]
        fn words_of_letters_are_names(text in "[\\p{L}]{1,40}([ '-][\\p{L}]{1,20})?") {
            prop_assume!(text.nfc().count() <= 100);
            // Except the fillers for a missing letter.
            prop_assume!(!text.contains(['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}']));
            prop_assert!(Name::parse(&text).is_ok());
        }
    }
}
