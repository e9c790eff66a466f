//! Telephone numbers in the form of E.164: `+`, a country code, at most 15 digits.

use std::fmt;
use std::str::FromStr;

const MIN_DIGITS: usize = 8;
const MAX_DIGITS: usize = 15;

#[derive(Clone, PartialEq, Eq)]
pub struct PhoneNumber(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a telephone number with its country code, such as +4915112345678")]
pub struct PhoneNumberError;

impl PhoneNumber {
    pub fn parse(text: &str) -> Result<Self, PhoneNumberError> {
        let text = text.trim();
        let digits = text.strip_prefix('+').ok_or(PhoneNumberError)?;
        let valid = (MIN_DIGITS..=MAX_DIGITS).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if valid { Ok(Self(text.to_owned())) } else { Err(PhoneNumberError) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// All but the country and the last two digits hidden: `+49*******78`.
    pub fn masked(&self) -> String {
        let last = self.0.len().saturating_sub(2);
        self.0.chars().enumerate().map(|(at, c)| if (3..last).contains(&at) { '*' } else { c }).collect()
    }
}

impl FromStr for PhoneNumber {
    type Err = PhoneNumberError;
    fn from_str(text: &str) -> Result<Self, PhoneNumberError> {
        Self::parse(text)
    }
}

/// Numbers stay out of logs, also through `{:?}`.
impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_with_a_country_are_taken() {
        for good in ["+4915112345678", " +12025550123 ", "+12345678", "+123456789012345"] {
            assert_eq!(PhoneNumber::parse(good).unwrap().as_str(), good.trim());
        }
        for bad in [
            "",
            "+",
            "015112345678",
            "+0123456789",
            "+1234567",
            "+1234567890123456",
            "+49 151 123",
            "+49\r\n1234567",
            "+１２３４５６７８９",
        ] {
            assert_eq!(PhoneNumber::parse(bad), Err(PhoneNumberError), "{bad:?}");
        }
    }

    #[test]
    fn the_middle_is_hidden() {
        let number = PhoneNumber::parse("+4915112345678").unwrap();
        assert_eq!(number.masked(), "+49*********78");
        assert_eq!(format!("{number:?}"), "PhoneNumber(+49*********78)");
    }
}
