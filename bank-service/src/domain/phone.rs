//! Telephone numbers in the form of E.164: `+`, a country code, at most 15 digits.

use chrono::TimeDelta;

use super::throttle::Cap;
use super::typed::without_separators;
use std::fmt;
use std::str::FromStr;

const MIN_DIGITS: usize = 8;
const MAX_DIGITS: usize = 15;
/// The longest typed text, in bytes.
const MAX_TYPED: usize = 64;

#[derive(Clone, PartialEq, Eq)]
pub struct PhoneNumber(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a telephone number with its country code, such as +4915112345678")]
pub struct PhoneNumberError;

impl PhoneNumber {
    pub fn parse(text: &str) -> Result<Self, PhoneNumberError> {
        if text.len() > MAX_TYPED {
            return Err(PhoneNumberError);
        }
        // After a country code the zero in brackets is not dialled.
        let typed: String = without_separators(text).collect::<String>().replacen("(0)", "", 1);
        let typed: String = typed.chars().filter(|c| !matches!(c, '.' | '/' | '(' | ')')).collect();
        let digits = typed.strip_prefix('+').or_else(|| typed.strip_prefix("00")).ok_or(PhoneNumberError)?;
        let valid = (MIN_DIGITS..=MAX_DIGITS).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if valid { Ok(Self(format!("+{digits}"))) } else { Err(PhoneNumberError) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The country code: one digit for North America and Russia, two or three for others (ITU E.164).
    pub fn country(&self) -> &str {
        let digits = self.0.get(1..).unwrap_or_default();
        let length = match digits.as_bytes() {
            [b'1' | b'7', ..] => 1,
            [b'2', b'0' | b'7', ..]
            | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
            | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
            | [b'5', b'1'..=b'8', ..]
            | [b'6', b'0'..=b'6', ..]
            | [b'8', b'1' | b'2' | b'4' | b'6', ..]
            | [b'9', b'0'..=b'5' | b'8', ..] => 2,
            _ => 3,
        };
        digits.get(..length).unwrap_or_default()
    }

    /// The number with all but the country code and the last two digits hidden: `+49*******78`.
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

/// The limits of text messages, and the lifetime of a code in one. Text messages cost money, and premium numbers earn it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextMessageRules {
    pub to_a_number: Cap,
    pub of_a_user: Cap,
    pub from_a_network: Cap,
    pub to_a_country: Cap,
    pub in_all: Cap,
    pub code_minutes: i64,
}

impl TextMessageRules {
    pub fn code_lifetime(self) -> TimeDelta {
        TimeDelta::minutes(self.code_minutes)
    }

    /// The lifetime as text for messages.
    pub fn valid_for(self) -> String {
        if self.code_minutes == 1 { "1 minute".to_owned() } else { format!("{} minutes", self.code_minutes) }
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
            "+49_1234567",
            "+１２３４５６７８９",
        ] {
            assert_eq!(PhoneNumber::parse(bad), Err(PhoneNumberError), "{bad:?}");
        }
    }

    #[test]
    fn numbers_are_taken_as_people_write_them() {
        for written in [
            "+49 151 1234-5678",
            "0049 (151) 12345678",
            "+49.151/12345678",
            "+49\u{a0}15112345678",
            "+49 (0)151 12345678",
            "+4915112345678\n",
            "\u{202a}+49\u{2011}151\u{2011}12345678\u{202c}",
        ] {
            assert_eq!(PhoneNumber::parse(written).unwrap().as_str(), "+4915112345678", "{written}");
        }
        for bad in ["(0151) 12345678", "00 0151 12345678", "+49 151 12345678 ext 3", &"+4 ".repeat(30)] {
            assert_eq!(PhoneNumber::parse(bad), Err(PhoneNumberError), "{bad}");
        }
    }

    #[test]
    fn the_country_is_known_by_its_code() {
        let country = |text: &str| PhoneNumber::parse(text).unwrap().country().to_owned();
        assert_eq!(country("+12025550123"), "1");
        assert_eq!(country("+4915112345678"), "49");
        assert_eq!(country("+35312345678"), "353");
        assert_eq!(country("+88213123456"), "882");
    }

    #[test]
    fn the_middle_is_hidden() {
        let number = PhoneNumber::parse("+4915112345678").unwrap();
        assert_eq!(number.masked(), "+49*********78");
        assert_eq!(format!("{number:?}"), "PhoneNumber(+49*********78)");
    }
}
