//! scrypt hashes of other systems: Werkzeug's (the default of Flask since 2023), Django's and passlib's.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use scrypt::Params;

use crate::identity::password::imported_format::{HashRefused, SALT_BYTES, decode_passlib};

/// 128 × N × r bytes: the need of passlib's default, and twice that of Werkzeug's.
const MAX_MEMORY_BYTES: u64 = 64 * 1024 * 1024;
/// N × r × p: about a second of a core; passlib's default is half of it, Django's and Werkzeug's an eighth and less.
const MAX_WORK: u64 = 1 << 20;
/// N × r: scrypt's paper asks for eight times this for logins.
const MIN_WORK: u64 = 1 << 13;
const HASH_BYTES: std::ops::RangeInclusive<usize> = 32..=64;

pub struct Scrypt {
    params: Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Scrypt {
    /// None if it is no scrypt hash.
    pub(in crate::identity) fn parse(text: &str) -> Option<Result<Self, HashRefused>> {
        let fields = if let Some(rest) = text.strip_prefix("scrypt:") {
            werkzeug(rest)
        } else if let Some(rest) = text.strip_prefix("scrypt$") {
            django(rest)
        } else {
            passlib(text.strip_prefix("$scrypt$")?)
        };
        Some(fields.ok_or(HashRefused::Damaged).and_then(Fields::check))
    }

    pub(in crate::identity) fn verify(&self, password: &[u8]) -> Result<bool, HashRefused> {
        let mut computed = vec![0; self.hash.len()];
        scrypt::scrypt(password, &self.salt, &self.params, &mut computed).map_err(|_| HashRefused::Damaged)?;
        Ok(verify_slices_are_equal(&computed, &self.hash).is_ok())
    }
}

/// The fields as written: N as its logarithm.
struct Fields {
    log_n: u8,
    r: u32,
    p: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Fields {
    fn check(self) -> Result<Scrypt, HashRefused> {
        let n = 1_u64.checked_shl(self.log_n.into()).filter(|n| *n != 0).ok_or(HashRefused::TooCostly)?;
        let memory_words = n.saturating_mul(self.r.into());
        if memory_words.saturating_mul(128) > MAX_MEMORY_BYTES || memory_words.saturating_mul(self.p.into()) > MAX_WORK
        {
            return Err(HashRefused::TooCostly);
        }
        if memory_words < MIN_WORK {
            return Err(HashRefused::TooWeak);
        }
        if !HASH_BYTES.contains(&self.hash.len()) || !SALT_BYTES.contains(&self.salt.len()) {
            return Err(HashRefused::Damaged);
        }
        let params = Params::new(self.log_n, self.r, self.p, self.hash.len()).map_err(|_| HashRefused::Damaged)?;
        Ok(Scrypt { params, salt: self.salt, hash: self.hash })
    }
}

/// `N:r:p$salt$hex`, the salt as text.
fn werkzeug(rest: &str) -> Option<Fields> {
    let [costs, salt, hash] = split(rest, '$')?;
    let [n, r, p] = split(costs, ':')?;
    Some(Fields {
        log_n: log_of(n)?,
        r: number(r)?,
        p: number(p)?,
        salt: salt.as_bytes().to_vec(),
        hash: hex::decode(hash).ok()?,
    })
}

/// `N$salt$r$p$base64`, the salt as text.
fn django(rest: &str) -> Option<Fields> {
    let [n, salt, r, p, hash] = split(rest, '$')?;
    Some(Fields {
        log_n: log_of(n)?,
        r: number(r)?,
        p: number(p)?,
        salt: salt.as_bytes().to_vec(),
        hash: STANDARD.decode(hash).ok()?,
    })
}

/// `ln=16,r=8,p=1$base64$base64`, without padding.
fn passlib(rest: &str) -> Option<Fields> {
    let [costs, salt, hash] = split(rest, '$')?;
    let [ln, r, p] = split(costs, ',')?;
    Some(Fields {
        log_n: number(ln.strip_prefix("ln=")?)?.try_into().ok()?,
        r: number(r.strip_prefix("r=")?)?,
        p: number(p.strip_prefix("p=")?)?,
        salt: decode_passlib(salt)?,
        hash: decode_passlib(hash)?,
    })
}

fn split<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    text.split(separator).collect::<Vec<_>>().try_into().ok()
}

fn number(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten().filter(|number| *number > 0)
}

/// The logarithm of N, which is a power of two.
fn log_of(n: &str) -> Option<u8> {
    let n = number(n)?;
    n.is_power_of_two().then(|| u8::try_from(n.trailing_zeros()).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<HashRefused> {
        Scrypt::parse(text).unwrap().err()
    }

    /// Made with Python's hashlib over the password `password`.
    #[test]
    fn hashes_of_werkzeug_django_and_passlib_are_verified() {
        for text in [
            "scrypt:1024:8:1$salt1234$60ed8346ed5df2fc869659e2c7e636df99895402577815be1e7230f8dcc08f96553772dbbab4726c45c132e370c5210d1a1ae572e683c6ccead0db71d270ce19",
            "scrypt:32768:8:1$AbCdEfGhIjKlMnOp$e2af2a41c0e7a4ca38b68ef2b2951695984b947005854f74a9e0df75c5a9382cae78c0288ee3583db7cc1934ff54f9512264114276311a098a716da332e535e4",
            "scrypt$16384$c2FsdA12$8$5$u/s3r1uGZQi8oHHPfQeXqbAOxAcJVVxzpQquauRM+oMPX3dT4cuwVENVaE0IDGYIX0Pj5R+pOrmeqJQ3LYIj5Q==",
            "$scrypt$ln=14,r=8,p=1$8PHy8/T19vf4+fr7/P3+/w$wvUr9aa9eETKU2BzuXGDIDz5OcDMEQQ4nMJEgE8dSb4",
        ] {
            let hash = Scrypt::parse(text).unwrap().unwrap();
            assert!(hash.verify(b"password").unwrap(), "{text}");
            assert!(!hash.verify(b"Password").unwrap(), "{text}");
        }
    }

    #[test]
    fn costs_are_bounded_on_both_sides_and_damage_is_seen() {
        let hex = "0".repeat(128);
        for (text, why) in [
            (format!("scrypt:131072:8:1$salt1234${hex}"), HashRefused::TooCostly),
            (format!("scrypt:32768:8:5$salt1234${hex}"), HashRefused::TooCostly),
            (format!("scrypt:2147483648:4294967295:4294967295$salt1234${hex}"), HashRefused::TooCostly),
            (format!("scrypt:512:8:1$salt1234${hex}"), HashRefused::TooWeak),
            (format!("scrypt:32767:8:1$salt1234${hex}"), HashRefused::Damaged),
            (format!("scrypt:32768:8$salt1234${hex}"), HashRefused::Damaged),
            (format!("scrypt:32768:8:0$salt1234${hex}"), HashRefused::Damaged),
            (format!("scrypt:32768:8:1$s${hex}"), HashRefused::Damaged),
            ("scrypt:32768:8:1$salt1234$00".to_owned(), HashRefused::Damaged),
            ("$scrypt$ln=300,r=8,p=1$8PHy8w$wvUr".to_owned(), HashRefused::Damaged),
        ] {
            assert_eq!(refused(&text), Some(why), "{text}");
        }
        assert!(Scrypt::parse("pbkdf2:sha256:1$a$b").is_none());
    }
}
