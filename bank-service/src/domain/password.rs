//! The rules for passwords: 8–128 characters after NFKC, any characters, never cut.
//!
//! Whether a password is guessable is a separate check against the words of its owner ([`Password::check_strength`]), because the
//! minimum score is configurable.

use unicode_normalization::UnicodeNormalization;

pub const MIN_CHARS: usize = 8;
pub const MAX_CHARS: usize = 128;
/// Longer texts are not normalised at all: NFKC can make a text eighteen times as long.
const MAX_RAW_BYTES: usize = 4096;

/// A password in its normal form. It has no `Debug`, `Display` or `Serialize`.
#[derive(Clone)]
pub struct Password {
    normal: String,
    /// The password as typed, if that differs.
    typed: Option<String>,
}

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.normal == other.normal
    }
}

impl Eq for Password {}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("must have at least {MIN_CHARS} characters")]
    TooShort,
    #[error("must have at most {MAX_CHARS} characters")]
    TooLong,
    #[error("is too easy to guess")]
    TooWeak,
}

impl Password {
    /// Parses a password to be set.
    pub fn parse(text: &str) -> Result<Self, PasswordError> {
        let password = Self::for_login(text).ok_or(PasswordError::TooLong)?;
        if password.normal.chars().count() < MIN_CHARS { Err(PasswordError::TooShort) } else { Ok(password) }
    }

    /// Parses a password to be checked; none if no account can have it.
    pub fn for_login(text: &str) -> Option<Self> {
        if text.len() > MAX_RAW_BYTES {
            return None;
        }
        let normal: String = text.nfkc().take(MAX_CHARS + 1).collect();
        let typed = (normal != text).then(|| text.to_owned());
        (normal.chars().count() <= MAX_CHARS).then_some(Self { normal, typed })
    }

    /// The text as typed, if the normal form differs: other systems have hashed that.
    pub fn typed(&self) -> Option<&[u8]> {
        self.typed.as_deref().map(str::as_bytes)
    }

    /// The bytes to hash.
    pub fn expose(&self) -> &[u8] {
        self.normal.as_bytes()
    }

    /// Refuses a password that scores below `min_score` (zxcvbn, 0–4), given the words of its owner. Takes milliseconds.
    pub fn check_strength(&self, min_score: u8, owner_words: &[String]) -> Result<(), PasswordError> {
        if min_score == 0 {
            return Ok(());
        }
        let words: Vec<&str> = owner_words.iter().map(String::as_str).collect();
        let score = u8::from(zxcvbn::zxcvbn(&self.normal, &words).score());
        if score < min_score { Err(PasswordError::TooWeak) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_characters_after_normalisation() {
        assert!(Password::parse("1234567") == Err(PasswordError::TooShort));
        assert!(Password::parse("ΓΔΘΛΞΠΣΦ").is_ok());
        assert!(Password::parse(&"x".repeat(128)).is_ok());
        assert!(Password::parse(&"x".repeat(129)) == Err(PasswordError::TooLong));
        // U+FDFA becomes eighteen characters.
        assert!(Password::parse(&"\u{fdfa}".repeat(8)) == Err(PasswordError::TooLong));
    }

    #[test]
    fn two_ways_to_type_a_password_are_one_password() {
        let (composed, decomposed) = (Password::parse("pässwörter"), Password::parse("pa\u{308}sswo\u{308}rter"));
        assert!(composed.is_ok());
        assert!(composed == decomposed);
    }

    #[test]
    fn a_password_made_of_the_owners_words_is_weak() {
        let words = vec!["cassandra".to_owned(), "montgomery".to_owned()];
        let weak = |text: &str| Password::parse(text).and_then(|p| p.check_strength(3, &words));
        assert_eq!(weak("password1"), Err(PasswordError::TooWeak));
        assert_eq!(weak("cassandramontgomery"), Err(PasswordError::TooWeak));
        assert_eq!(weak("correct horse battery staple"), Ok(()));
        assert_eq!(Password::parse("password1").and_then(|p| p.check_strength(0, &words)), Ok(()));
    }
}
