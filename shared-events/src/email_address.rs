//! An e-mail address that can be mailed: the one rule of all services.
//!
//! bank-service accepts no other where an address is set, and email-service sends to no other, so that no account waits for
//! mail that cannot be sent. Whole addresses are personal data: `Display` and `Debug` show the masked form
//! (`j***@example.com`), so that none can reach a log or an answer by accident. Only a mailer and a store call
//! [`EmailAddress::as_str`]. Limits: 254 bytes (RFC 5321), ASCII in the local part (SMTPUTF8 is not spoken everywhere);
//! international domains are kept in their ASCII form.

use std::fmt;
use std::str::FromStr;

const MAX_BYTES: usize = 254;
const MAX_LOCAL_BYTES: usize = 64;

/// An address fit for a mail server, in one canonical form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress {
    local: String,
    /// ASCII, lower case.
    domain: String,
    /// `local@domain`.
    whole: String,
}

/// Why a text is not an address. It never repeats the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("must be an e-mail address such as name@example.com")]
    Form,
    #[error("must have at most {MAX_BYTES} bytes, {MAX_LOCAL_BYTES} before the @")]
    TooLong,
}

impl EmailAddress {
    /// The whole address, for the mailer and the store only.
    pub fn as_str(&self) -> &str {
        &self.whole
    }

    /// `j***@example.com`: enough to recognise the address, too little to use it.
    pub fn masked(&self) -> String {
        let first: String = self.local.chars().take(1).collect();
        format!("{first}***@{}", self.domain)
    }

    /// The part before the @.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The part after the @: ASCII, lower case.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Addresses that differ only in case reach the same person.
    pub fn same_mailbox(&self, other: &Self) -> bool {
        self.whole.eq_ignore_ascii_case(&other.whole)
    }
}

impl FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() > MAX_BYTES {
            return Err(AddressError::TooLong);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::Form)?;
        if local.len() > MAX_LOCAL_BYTES {
            return Err(AddressError::TooLong);
        }
        if !is_dot_atom(local) {
            return Err(AddressError::Form);
        }
        let domain = ascii_domain(domain).ok_or(AddressError::Form)?;
        let address = Self { local: local.to_owned(), whole: format!("{local}@{domain}"), domain };
        if address.whole.len() > MAX_BYTES {
            return Err(AddressError::TooLong);
        }
        Ok(address)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// RFC 5322 dot-atom: no quoting, no white space, no control characters, nothing that could end a header or an envelope.
pub fn is_dot_atom(text: &str) -> bool {
    let atom = |atom: &str| {
        !atom.is_empty() && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    };
    text.split('.').all(atom)
}

/// Lower case, ASCII (IDNA), dot-separated labels; bare IP addresses are refused.
pub fn ascii_domain(domain: &str) -> Option<String> {
    // A URL parser would decode it.
    if domain.contains('%') {
        return None;
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    match url::Host::parse(domain).ok()? {
        url::Host::Domain(domain) if domain.split('.').all(label) => Some(domain),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_masked_wherever_it_is_shown() {
        let address: EmailAddress = "John.Doe@Example.com".parse().unwrap();
        assert_eq!(address.as_str(), "John.Doe@example.com");
        assert_eq!(format!("{address} {address:?}"), "J***@example.com J***@example.com");
    }

    #[test]
    fn an_international_domain_is_kept_in_ascii() {
        assert_eq!("a@münchen.example".parse::<EmailAddress>().unwrap().as_str(), "a@xn--mnchen-3ya.example");
    }

    #[test]
    fn what_could_break_a_header_or_an_envelope_is_refused() {
        for bad in [
            "",
            "a",
            "@",
            "a@",
            "@b.c",
            "a b@c.d",
            "a@b c",
            "a@b..c",
            "a..b@c.d",
            ".a@b.c",
            "a@b.c\r\nBcc: x@y.z",
            "a\n@b.c",
            "a@b.c\n",
            "<a@b.c>",
            "a,b@c.d",
            "\"a b\"@c.d",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@-b.c",
            "jos\u{e9}@b.c",
            "a\0@b.c",
            "a@b.c>",
            "a@@b.c",
            "a@b%2ec",
        ] {
            assert_eq!(bad.parse::<EmailAddress>(), Err(AddressError::Form), "{bad:?}");
        }
        let long = format!("{}@b.c", "a".repeat(65));
        assert_eq!(long.parse::<EmailAddress>(), Err(AddressError::TooLong));
    }

    proptest! {
        #[test]
        fn an_accepted_address_is_plain_ascii_on_one_line(text in "\\PC{0,20}@?[\\PC\r\n]{0,20}") {
            if let Ok(address) = text.parse::<EmailAddress>() {
                prop_assert!(address.as_str().bytes().all(|b| b.is_ascii_graphic() && !b"<>,;:\"()[]\\".contains(&b)));
                prop_assert_eq!(address.as_str().parse::<EmailAddress>(), Ok(address.clone()));
            }
        }
    }
}
