//! E-mail addresses of users.
//!
//! A new address has to accept mail ([`Email::mailable`], the rule of `shared_events`), with its domain in ASCII.
//! [`Email::parse`] accepts more, letters of any script: for lookups, and for addresses that earlier releases stored. Uniqueness
//! is decided on [`Email::normalized`], which folds case and domain.

use std::fmt;
use std::str::FromStr;

use shared_events::EmailAddress;
use shared_events::email_address::ascii_domain;

/// RFC 5321: a path of 256 octets with its angle brackets.
const MAX_BYTES: usize = 254;
const MAX_LOCAL_BYTES: usize = 64;
const MAX_LABEL_BYTES: usize = 63;

/// An address as its owner typed it, trimmed.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address such as name@example.com, at most 254 characters, ASCII before the @")]
pub struct EmailError;

impl Email {
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError)?;
        let ascii = ascii_domain(domain);
        let valid = text.len() <= MAX_BYTES && is_local_part(local) && is_domain(ascii.as_deref().unwrap_or(domain));
        if valid { Ok(Self(text.to_owned())) } else { Err(EmailError) }
    }

    /// Parses an address to be stored: mail can be sent to it. An international domain is converted to ASCII.
    pub fn mailable(text: &str) -> Result<Self, EmailError> {
        let address: EmailAddress = text.trim().parse().map_err(|_| EmailError)?;
        Ok(Self(address.as_str().to_owned()))
    }

    /// Whether mail can be sent to the address as it is stored.
    pub fn is_mailable(&self) -> bool {
        self.0.parse::<EmailAddress>().is_ok_and(|address| address.as_str() == self.0)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of uniqueness: lower case, with the domain in ASCII.
    pub fn normalized(&self) -> String {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or_default();
        let domain = ascii_domain(domain).unwrap_or_else(|| domain.to_lowercase());
        format!("{}@{domain}", local.to_lowercase())
    }

    /// The stored form of an address: the domain in ASCII, the rest as typed.
    #[must_use]
    pub fn with_ascii_domain(&self) -> Self {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or_default();
        ascii_domain(domain).map_or_else(|| self.clone(), |domain| Self(format!("{local}@{domain}")))
    }

    /// The words of the address, which would make a password guessable.
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
    fn case_and_the_form_of_the_domain_do_not_make_another_address() {
        let key = |text: &str| Email::parse(text).map(|e| e.normalized());
        assert_eq!(key("John.Doe@Example.COM"), key("john.doe@example.com"));
        assert_eq!(key("john@BÜCHER.example"), key("john@xn--bcher-kva.example"));
        for same in ["john@example。com", "john@ｅxample.com", "john@exa\u{ad}mple.com"] {
            assert_eq!(key(same), key("john@example.com"), "{same}: as it is set, so it is found");
        }
        assert_ne!(
            key("ｊohn@example.com"),
            key("john@example.com"),
            "nobody can set it, so nobody is to be found by it"
        );
        assert_ne!(key("john@example.com"), key("jon@example.com"));
    }

    #[test]
    fn what_cannot_be_mailed_cannot_be_set() {
        for bad in ["jürgen@example.com", "ｖictim@example.com", "\u{fdfa}@example.com", "a@127.0.0.1", "a@b..c"] {
            assert_eq!(Email::mailable(bad), Err(EmailError), "{bad:?}");
        }
        let set = Email::mailable(" John.Doe@Bücher.Example ").unwrap();
        assert_eq!(set.as_str(), "John.Doe@xn--bcher-kva.example");
        assert!(set.is_mailable() && !Email::parse("jürgen@example.com").unwrap().is_mailable());
    }

    #[test]
    fn debug_output_hides_the_address() {
        let email = Email::parse("john.doe@example.com").unwrap();
        assert_eq!(format!("{email:?}"), "Email(j***@example.com)");
    }
}
