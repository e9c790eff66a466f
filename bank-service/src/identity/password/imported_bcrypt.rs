//! bcrypt hashes of other systems: of the password itself, or of its SHA-256, by which Django and passlib avoid bcrypt's limit
//! of 72 bytes.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::identity::password::imported_format::HashRefused;

/// 2^14 rounds: about a second of a core.
const MAX_COST: u32 = 14;
/// OWASP's minimum, and the first default of PHP and most frameworks.
const KEPT_COST: u32 = 10;
/// Where a hash has its salt.
const SALT: std::ops::Range<usize> = 7..29;

/// The input of bcrypt.
#[derive(Debug, Clone, Copy)]
enum Input {
    Password,
    /// Its SHA-256 in hex digits (Django).
    Digest,
    /// Its HMAC-SHA256 in base64; the key is the salt's text (passlib).
    KeyedDigest,
}

pub struct Bcrypt {
    /// `$2b$12$…`
    hash: String,
    input: Input,
}

impl Bcrypt {
    /// None if it is no bcrypt hash.
    pub(in crate::identity) fn parse(text: &str) -> Option<Result<Self, HashRefused>> {
        if let Some(hash) = text.strip_prefix("bcrypt_sha256$") {
            return Some(Self::check(hash.to_owned(), Input::Digest));
        }
        if let Some(rest) = text.strip_prefix("$bcrypt-sha256$v=2,") {
            let hash = passlib(rest).ok_or(HashRefused::Damaged);
            return Some(hash.and_then(|hash| Self::check(hash, Input::KeyedDigest)));
        }
        // Django writes the scheme's name in front of the library's hash.
        let hash = text.strip_prefix("bcrypt$").unwrap_or(text);
        has_prefix(hash).then(|| Self::check(hash.to_owned(), Input::Password))
    }

    fn check(hash: String, input: Input) -> Result<Self, HashRefused> {
        let cost = cost_of(&hash).ok_or(HashRefused::Damaged)?;
        if cost > MAX_COST {
            return Err(HashRefused::TooCostly);
        }
        let shape = has_prefix(&hash)
            && hash.len() == 60
            && hash.get(6..7) == Some("$")
            && hash.bytes().skip(7).all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'/');
        // The library's own parser; it refuses a cost below four.
        let readable = shape && cost >= 4 && hash.parse::<bcrypt::HashParts>().is_ok();
        if readable { Ok(Self { hash, input }) } else { Err(HashRefused::Damaged) }
    }

    /// Whether it costs enough to be kept.
    pub(in crate::identity) fn is_strong(&self) -> bool {
        cost_of(&self.hash).is_some_and(|cost| cost >= KEPT_COST)
    }

    /// The text to store, from which it is parsed again.
    pub(in crate::identity) fn into_stored(self, given: &str) -> String {
        match self.input {
            Input::Password => self.hash,
            Input::Digest | Input::KeyedDigest => given.to_owned(),
        }
    }

    pub(in crate::identity) fn verify(&self, password: &[u8]) -> Result<bool, HashRefused> {
        let verify = |input: &[u8]| bcrypt::verify(input, &self.hash).map_err(|_| HashRefused::Damaged);
        match self.input {
            Input::Password => verify(password),
            Input::Digest => verify(hex::encode(Sha256::digest(password)).as_bytes()),
            Input::KeyedDigest => {
                let salt = self.hash.get(SALT).ok_or(HashRefused::Damaged)?;
                let digest = hmac::sign(&hmac::Key::new(HMAC_SHA256, salt.as_bytes()), password);
                verify(STANDARD.encode(digest).as_bytes())
            }
        }
    }
}

fn has_prefix(hash: &str) -> bool {
    ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix))
}

fn cost_of(hash: &str) -> Option<u32> {
    hash.get(4..6)?.parse().ok()
}

/// The bcrypt hash of `t=2b,r=12$salt$digest`.
fn passlib(rest: &str) -> Option<String> {
    let (version, rest) = rest.strip_prefix("t=")?.split_once(",r=")?;
    let (cost, rest) = rest.split_once('$')?;
    let (salt, digest) = rest.split_once('$')?;
    (salt.len() == SALT.len()).then(|| format!("${version}${cost:0>2}${salt}{digest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Bcrypt, HashRefused> {
        Bcrypt::parse(text).unwrap()
    }

    /// Made with Python's hashlib and bcrypt over the password `password`, and verified by Django and passlib.
    const DJANGO: &str = "bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuuavYyybW8SwBYgHrVfEOHIljvgCGgHr2";
    const PASSLIB: &str = "$bcrypt-sha256$v=2,t=2b,r=4$abcdefghijklmnopqrstuu$6eeTxYH54oiZ0Z7.zjNaUH4ORExX7RG";

    #[test]
    fn hashes_of_a_digest_are_verified_also_as_they_are_stored() {
        for text in [DJANGO, PASSLIB] {
            let stored = parse(text).unwrap().into_stored(text);
            let hash = parse(&stored).unwrap();
            assert!(hash.verify(b"password").unwrap(), "{text}");
            assert!(!hash.verify(b"Password").unwrap(), "{text}");
        }
        let plain = DJANGO.strip_prefix("bcrypt_sha256$").unwrap();
        assert!(!parse(plain).unwrap().verify(b"password").unwrap(), "it is of the digest");
    }

    #[test]
    fn the_costs_of_hashes_of_a_digest_are_bounded_on_both_sides() {
        let of =
            |cost: &str| [DJANGO.replace("$04$", &format!("${cost}$")), PASSLIB.replace("r=4", &format!("r={cost}"))];
        for text in of("04").into_iter().chain(of("09")) {
            assert!(!parse(&text).unwrap().is_strong(), "{text}");
        }
        for text in of("10").into_iter().chain(of("14")) {
            assert!(parse(&text).unwrap().is_strong(), "{text}");
        }
        for text in of("15").into_iter().chain(of("31")) {
            assert_eq!(parse(&text).err(), Some(HashRefused::TooCostly), "{text}");
        }
    }

    #[test]
    fn damage_of_hashes_of_a_digest_is_seen() {
        let damaged = [
            DJANGO.replace("$2b$", "$2x$"),
            DJANGO.replace("$04$", "$03$"),
            DJANGO.replace("$$", "$"),
            format!("{DJANGO}a"),
            PASSLIB.replace("t=2b", "t=2x"),
            PASSLIB.replace("uu$", "u$u"),
            PASSLIB.replace(",r=4", ""),
            PASSLIB.replace("r=4", "r=100"),
            "bcrypt_sha256$".to_owned(),
        ];
        for text in damaged {
            assert_eq!(parse(&text).err(), Some(HashRefused::Damaged), "{text}");
        }
        let older = "$bcrypt-sha256$2b,12$abcdefghijklmnopqrstuu$6eeTxYH54oiZ0Z7.zjNaUH4ORExX7RG";
        assert!(Bcrypt::parse(older).is_none(), "passlib wrote it before 1.7.3");
    }
}
