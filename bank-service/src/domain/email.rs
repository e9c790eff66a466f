//! E-mail addresses of users.
//!
//! The shape is that of the HTML living standard, narrowed to what a mail server takes (RFC 5321 lengths, no stray dots)
//! and widened to letters of any script. Uniqueness is decided on [`Email::normalized`], so that an address cannot be
//! registered twice in another case or in look-alike width variants.

use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization;

/// RFC 5321: a path of 256 octets with its angle brackets.
const MAX_BYTES: usize = 254;
const MAX_LOCAL_BYTES: usize = 64;
const MAX_LABEL_BYTES: usize = 63;

/// An address as its owner wrote it, trimmed.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address such as name@example.com, at most 254 characters")]
pub struct EmailError;

impl Email {
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError)?;
        let valid = text.len() <= MAX_BYTES && is_local_part(local) && is_domain(domain);
        if valid { Ok(Self(text.to_owned())) } else { Err(EmailError) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of uniqueness: NFKC, lower case.
    pub fn normalized(&self) -> String {
        self.0.nfkc().flat_map(char::to_lowercase).collect()
    }

    /// The words of the address, which make a password guessable.
    pub fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = self
            .0
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        words.push(self.0.to_lowercase());
        words
    }

    /// The address with all but its first letter and its domain hidden: `j***@example.com`.
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or_default();
        format!("{}***@{domain}", local.chars().next().unwrap_or('*'))
    }
}

fn is_local_part(local: &str) -> bool {
    let atom =
        |atom: &str| !atom.is_empty() && atom.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c));
    local.len() <= MAX_LOCAL_BYTES && local.split('.').all(atom)
}

fn is_domain(domain: &str) -> bool {
    domain.split('.').all(|label| {
        (1..=MAX_LABEL_BYTES).contains(&label.len())
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

impl FromStr for Email {
    type Err = EmailError;
    fn from_str(text: &str) -> Result<Self, EmailError> {
        Self::parse(text)
    }
}

/// Addresses stay out of logs, also through `{:?}`.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Email({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_addresses_are_taken_and_trimmed() {
        for good in ["john.doe@example.com", "  a+b@sub.example.co.uk ", "o'neil@localhost", "jürgen@bücher.example"]
        {
            assert_eq!(Email::parse(good).map(|e| e.as_str().to_owned()), Ok(good.trim().to_owned()));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(250));
        for bad in [
            "",
            "a",
            "a@",
            "@b.c",
            "a@@b.c",
            "a@b@c.d",
            "a b@c.d",
            ".a@b.c",
            "a.@b.c",
            "a..b@c.d",
            "a@-b.c",
            "a@b..c",
            "a@b.c\r\nBcc: x@y.z",
            "a\u{0}@b.c",
            "<a@b.c>",
            "a@b.c,d@e.f",
            "\u{202e}a@b.c",
            &long,
        ] {
            assert_eq!(Email::parse(bad), Err(EmailError), "{bad:?}");
        }
    }

    #[test]
    fn case_and_width_do_not_make_another_address() {
        let key = |text: &str| Email::parse(text).map(|e| e.normalized());
        assert_eq!(key("John.Doe@Example.COM"), key("john.doe@example.com"));
        assert_eq!(key("ｊohn@example.com"), key("john@example.com"));
        assert_ne!(key("john@example.com"), key("jon@example.com"));
    }

    #[test]
    fn debug_output_hides_the_address() {
        let email = Email::parse("john.doe@example.com").unwrap();
        assert_eq!(format!("{email:?}"), "Email(j***@example.com)");
    }
}
