//! Business identifier codes (ISO 9362): four characters for the party, two letters for the country, two for the place, and
//! perhaps three for the branch.

use std::fmt;

/// A BIC of 8 or 11 characters, in the form that ISO 20022 takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bic(String);

impl Bic {
    /// The characters without the branch.
    const PARTY: usize = 8;

    /// None for anything else: small letters and spaces too.
    pub fn parse(text: &str) -> Option<Self> {
        let is_sound = |(at, byte): (usize, u8)| match at {
            4 | 5 => byte.is_ascii_uppercase(),
            _ => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        };
        let is_long_enough = matches!(text.len(), 8 | 11);
        (is_long_enough && text.bytes().enumerate().all(is_sound)).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The code without its branch, for fields that have no room for more.
    pub fn party(&self) -> &str {
        self.0.get(..Self::PARTY).unwrap_or(&self.0)
    }
}

impl fmt::Display for Bic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bic_has_8_or_11_characters_and_a_country() {
        for good in ["DEUTDEFF", "DEUTDEFF500", "NEDSZAJJXXX", "B0BADEFF"] {
            let bic = Bic::parse(good).unwrap();
            assert_eq!((bic.as_str(), bic.party()), (good, &good[..8]));
        }
        for bad in
            ["", "DEUTDEF", "DEUTDEFF5", "DEUTDEFF50", "DEUTDEFF5000", "deutdeff", "DEUT1EFF", "DEUTDEF ", "ÄEUTDEF"]
        {
            assert_eq!(Bic::parse(bad), None, "{bad}");
        }
    }
}
