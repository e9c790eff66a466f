//! Names of people, banks, cities and social statuses: letters of any script, spaces, hyphens and apostrophes.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_normalization::UnicodeNormalization;

const MAX_CHARS: usize = 100;

/// A name of 1–100 characters (Unicode scalar values in NFC), without space at either end. It has at least one letter; a
/// combining mark stands behind a letter, as part of it. Two spellings that only differ in composition are the same name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("must be 1–{MAX_CHARS} characters long")]
    Length,
    #[error("must consist of letters, spaces, hyphens and apostrophes")]
    Character,
    #[error("must have a letter in it")]
    NoLetter,
}

impl Name {
    /// Takes the text without the space around it, in NFC.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let name = Self::spelled(text);
        if !(1..=MAX_CHARS).contains(&name.chars().count()) {
            return Err(NameError::Length);
        }
        let mut in_letter = false;
        for c in name.chars() {
            in_letter = match kind(c) {
                Kind::Letter => true,
                Kind::Mark if in_letter => true,
                Kind::Separator => false,
                Kind::Mark | Kind::Other => return Err(NameError::Character),
            };
        }
        if name.chars().any(|c| kind(c) == Kind::Letter) { Ok(Self(name)) } else { Err(NameError::NoLetter) }
    }

    /// The text as a name of it would be kept, be it one or not: what a list is searched for.
    pub fn spelled(text: &str) -> String {
        text.trim().nfc().collect()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Mark,
    Separator,
    Other,
}

fn kind(c: char) -> Kind {
    // The straight and the typographic apostrophe; the hyphen-minus and the hyphen.
    if matches!(c, ' ' | '-' | '\u{2010}' | '\'' | '\u{2019}') {
        return Kind::Separator;
    }
    match get_general_category(c) {
        GeneralCategory::UppercaseLetter
        | GeneralCategory::LowercaseLetter
        | GeneralCategory::TitlecaseLetter
        | GeneralCategory::ModifierLetter
        | GeneralCategory::OtherLetter => Kind::Letter,
        GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark => Kind::Mark,
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

    #[test]
    fn letters_of_any_script_are_taken() {
        for good in
            ["John Doe", "Anne-Marie O'Neil", "Łukasz", "王小明", "نورة", "Ζωή", "देवनागरी", "O\u{2019}Brien", "x"]
        {
            assert_eq!(Name::parse(good).map(String::from), Ok(good.to_owned()));
        }
    }

    #[test]
    fn space_around_a_name_is_cut_and_composition_makes_no_difference() {
        assert_eq!(Name::parse("  Zoe\u{308} "), Name::parse("Zo\u{eb}"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in [
            "",
            "   ",
            "R2D2",
            "a\u{0}b",
            "a<b>",
            "a;b",
            "a\nb",
            "a\u{202e}b",
            "a\u{200d}b",
            "💶",
            "\u{301}a",
            "a \u{301}",
        ] {
            assert!(Name::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Name::parse("-'-"), Err(NameError::NoLetter));
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
            prop_assert!(Name::parse(&text).is_ok());
        }
    }
}
