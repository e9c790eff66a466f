//! Password hashes that other systems made, as `import-users` imports them.
//!
//! An allowlist: Argon2id, bcrypt, scrypt and PBKDF2-SHA256, in the forms that PHC libraries, passlib, Django and Werkzeug write.
//! The cost of a hash is bounded, so that an imported row cannot overload the machine at each login. One that costs too little
//! is not imported: a stolen copy of it would soon be guessed, so its user is invited instead. A hash is verified at the first
//! login and then replaced by one of ours; until then a login takes as long as its old hash does.

use std::fmt;
use std::num::NonZeroU32;

use argon2::Params;
use argon2::password_hash::phc::PasswordHash;
use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::identity::password::imported_bcrypt::Bcrypt;
use crate::identity::password::imported_format::{HashRefused, SALT_BYTES, decode_passlib};
use crate::identity::password::imported_scrypt::Scrypt;

/// The length of the column.
pub const MAX_CHARS: usize = 255;
/// KiB: Django's default, above argon2-cffi's and passlib's, and five times ours.
pub const MAX_ARGON2_MEMORY_KIB: u32 = 102_400;
pub const MAX_ARGON2_ITERATIONS: u32 = 10;
pub const MAX_ARGON2_LANES: u32 = 8;
/// Twice what current frameworks use; about half a second of a core.
pub const MAX_PBKDF2_ITERATIONS: u32 = 2_000_000;
const MIN_PBKDF2_ITERATIONS: u32 = 1_000;
/// The minimum to import a hash. Argon2id: the least memory that OWASP names, in KiB.
const KEPT_ARGON2_MEMORY_KIB: u32 = 7_168;
/// Django's number in 2013.
const KEPT_PBKDF2_ITERATIONS: u32 = 10_000;
const PBKDF2_BYTES: usize = 32;
/// A hash that can be verified. `Debug` shows its scheme only.
pub enum ImportedHash {
    /// In PHC form, verified like our own.
    Argon2id(String),
    Bcrypt(Bcrypt),
    Pbkdf2 {
        iterations: NonZeroU32,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    Scrypt(Scrypt),
}

impl fmt::Debug for ImportedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Argon2id(_) => "Argon2id",
            Self::Bcrypt(_) => "Bcrypt",
            Self::Pbkdf2 { .. } => "Pbkdf2",
            Self::Scrypt(_) => "Scrypt",
        })
    }
}

impl ImportedHash {
    pub fn parse(text: &str) -> Result<Self, HashRefused> {
        if text.len() > MAX_CHARS {
            return Err(HashRefused::Damaged);
        }
        // Django writes the scheme's name in front of the library's hash.
        let text = text.strip_prefix("argon2").filter(|rest| rest.starts_with("$argon2")).unwrap_or(text);
        if text.starts_with("$argon2id$") {
            return argon2id(text);
        }
        if let Some(bcrypt) = Bcrypt::parse(text) {
            return bcrypt.map(Self::Bcrypt);
        }
        if let Some(rest) = text.strip_prefix("$pbkdf2-sha256$") {
            return pbkdf2_of(rest, Parts::Passlib);
        }
        if let Some(rest) = text.strip_prefix("pbkdf2_sha256$") {
            return pbkdf2_of(rest, Parts::Django);
        }
        if let Some(rest) = text.strip_prefix("pbkdf2:sha256:") {
            return pbkdf2_of(rest, Parts::Werkzeug);
        }
        Scrypt::parse(text).unwrap_or(Err(HashRefused::UnknownScheme)).map(Self::Scrypt)
    }

    /// The same for a hash to be imported: one that is soon guessed is [`HashRefused::TooWeak`].
    pub fn parse_new(text: &str) -> Result<Self, HashRefused> {
        let hash = Self::parse(text)?;
        let is_strong = match &hash {
            Self::Argon2id(text) => memory_of(text).is_some_and(|memory| memory >= KEPT_ARGON2_MEMORY_KIB),
            Self::Bcrypt(bcrypt) => bcrypt.is_strong(),
            Self::Pbkdf2 { iterations, .. } => iterations.get() >= KEPT_PBKDF2_ITERATIONS,
            Self::Scrypt(_) => true,
        };
        if is_strong { Ok(hash) } else { Err(HashRefused::TooWeak) }
    }

    /// The text to store.
    pub fn into_stored(self, given: &str) -> String {
        match self {
            Self::Argon2id(text) => text,
            Self::Bcrypt(bcrypt) => bcrypt.into_stored(given),
            Self::Pbkdf2 { .. } | Self::Scrypt(_) => given.to_owned(),
        }
    }
}

/// Whether a stored hash of a foreign scheme belongs to this password.
pub(in crate::identity) fn verify_foreign(hash: &ImportedHash, password: &[u8]) -> Result<bool, HashRefused> {
    match hash {
        ImportedHash::Argon2id(_) => Err(HashRefused::UnknownScheme),
        ImportedHash::Bcrypt(bcrypt) => bcrypt.verify(password),
        ImportedHash::Pbkdf2 { iterations, salt, hash } => {
            Ok(pbkdf2::verify(PBKDF2_HMAC_SHA256, *iterations, salt, password, hash).is_ok())
        }
        ImportedHash::Scrypt(scrypt) => scrypt.verify(password),
    }
}

fn argon2id(text: &str) -> Result<ImportedHash, HashRefused> {
    let hash = PasswordHash::new(text).map_err(|_| HashRefused::Damaged)?;
    let params = Params::try_from(&hash).map_err(|_| HashRefused::Damaged)?;
    if params.m_cost() > MAX_ARGON2_MEMORY_KIB
        || params.t_cost() > MAX_ARGON2_ITERATIONS
        || params.p_cost() > MAX_ARGON2_LANES
    {
        return Err(HashRefused::TooCostly);
    }
    let complete = hash.salt.is_some() && hash.hash.is_some_and(|hash| hash.len() >= 16);
    let plain = params.keyid().is_empty() && params.data().is_empty();
    if complete && plain { Ok(ImportedHash::Argon2id(text.to_owned())) } else { Err(HashRefused::Damaged) }
}

fn memory_of(argon2id: &str) -> Option<u32> {
    let hash = PasswordHash::new(argon2id).ok()?;
    Params::try_from(&hash).ok().map(|params| params.m_cost())
}

/// The system that wrote `iterations$salt$hash`, which determines how salt and hash are encoded.
#[derive(Clone, Copy)]
enum Parts {
    /// Both in base64 with `.` for `+`.
    Passlib,
    /// The salt as text, the hash in base64.
    Django,
    /// The salt as text, the hash in hex digits.
    Werkzeug,
}

fn pbkdf2_of(rest: &str, parts: Parts) -> Result<ImportedHash, HashRefused> {
    let mut fields = rest.split('$');
    let (Some(iterations), Some(salt), Some(hash), None) = (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(HashRefused::Damaged);
    };
    if iterations.is_empty() || !iterations.bytes().all(|b| b.is_ascii_digit()) {
        return Err(HashRefused::Damaged);
    }
    // More digits than the type holds are above the maximum too.
    let iterations: u32 = iterations.parse().map_err(|_| HashRefused::TooCostly)?;
    if iterations > MAX_PBKDF2_ITERATIONS {
        return Err(HashRefused::TooCostly);
    }
    if iterations < MIN_PBKDF2_ITERATIONS {
        return Err(HashRefused::TooWeak);
    }
    let (salt, hash) = match parts {
        Parts::Passlib => (decode_passlib(salt), decode_passlib(hash)),
        Parts::Django => (Some(salt.as_bytes().to_vec()), STANDARD.decode(hash).ok()),
        Parts::Werkzeug => (Some(salt.as_bytes().to_vec()), hex::decode(hash).ok()),
    };
    let (Some(salt), Some(hash), Some(iterations)) = (salt, hash, NonZeroU32::new(iterations)) else {
        return Err(HashRefused::Damaged);
    };
    if hash.len() != PBKDF2_BYTES || !SALT_BYTES.contains(&salt.len()) {
        return Err(HashRefused::Damaged);
    }
    Ok(ImportedHash::Pbkdf2 { iterations, salt, hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<HashRefused> {
        ImportedHash::parse(text).err()
    }

    fn verifies(text: &str, password: &str) -> bool {
        verify_foreign(&ImportedHash::parse(text).unwrap(), password.as_bytes()).unwrap()
    }

    /// Made with Python's hashlib and with bcrypt, over the password `password`.
    #[test]
    fn hashes_of_the_usual_frameworks_are_verified() {
        for text in FOREIGN {
            assert!(verifies(text, "password"), "{text}");
            assert!(!verifies(text, "Password"), "{text}");
        }
    }

    const FOREIGN: [&str; 4] = [
        "pbkdf2:sha256:1000$salt1234$181307ef2345dc21f6cba6947ff8c2a95d4da7a8d6af39816169fb804425b8f5",
        "pbkdf2_sha256$1200$c2FsdA12$0Ct4M/wKuw6P5DDCwzDgKNTSl7EO/e73PiNBWDFbwKI=",
        "$pbkdf2-sha256$1300$8PHy8/T19vf4.fr7/P3./w$9O69iOjcOwAUp00cGZzsUtWTXb7j8jkbSUeYzfKXaQ8",
        "$2b$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm",
    ];

    #[test]
    fn hashes_that_would_take_the_machine_are_refused() {
        let tail = "c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA";
        let hex = "0".repeat(64);
        for text in [
            format!("$argon2id$v=19$m=102401,t=2,p=8${tail}"),
            format!("$argon2id$v=19$m=4194304,t=2,p=1${tail}"),
            format!("$argon2id$v=19$m=19456,t=11,p=1${tail}"),
            format!("$argon2id$v=19$m=19456,t=2,p=9${tail}"),
            format!("$2b$15${}", "a".repeat(53)),
            format!("$2b$31${}", "a".repeat(53)),
            format!("pbkdf2:sha256:2000001$salt1234${hex}"),
            format!("pbkdf2:sha256:99999999999999999999$salt1234${hex}"),
        ] {
            assert_eq!(refused(&text), Some(HashRefused::TooCostly), "{text}");
        }
    }

    #[test]
    fn djangos_argon2_is_taken_as_it_comes() {
        let text = "argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA";
        assert!(ImportedHash::parse_new(text).is_ok());
    }

    #[test]
    fn hashes_that_are_soon_guessed_are_verified_and_not_taken_over() {
        let hex = "0".repeat(64);
        let argon2 = |memory: u32| format!("$argon2id$v=19$m={memory},t=3,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA");
        let bcrypt = |cost: &str| FOREIGN[3].replace("$04$", cost);
        for text in FOREIGN.map(str::to_owned).into_iter().chain([argon2(8), argon2(7_167), bcrypt("$09$")]) {
            assert!(ImportedHash::parse(&text).is_ok(), "{text}");
            assert_eq!(ImportedHash::parse_new(&text).err(), Some(HashRefused::TooWeak), "{text}");
        }
        assert_eq!(
            ImportedHash::parse_new(&format!("pbkdf2:sha256:9999$salt1234${hex}")).err(),
            Some(HashRefused::TooWeak)
        );
        for text in [argon2(7_168), bcrypt("$10$"), format!("pbkdf2:sha256:10000$salt1234${hex}")] {
            assert!(ImportedHash::parse_new(&text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_hash_of_the_allowlist_is_refused() {
        let hex = "0".repeat(64);
        for text in [
            "password".to_owned(),
            "$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA".to_owned(),
            "$1$salt$qJH7.N4xYta3aEG/dfqo/0".to_owned(),
            format!("$2x$12${}", "a".repeat(53)),
            format!("pbkdf2:sha1:150000$salt1234${}", "0".repeat(40)),
            format!("sha256$salt${hex}"),
            "yescrypt:32768:8:1$salt$00".to_owned(),
        ] {
            assert_eq!(refused(&text), Some(HashRefused::UnknownScheme), "{text}");
        }
        for text in [
            "$argon2id$".to_owned(),
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0".to_owned(),
            "$2b$12$short".to_owned(),
            format!("$2b$03${}", "a".repeat(53)),
            format!("pbkdf2:sha256:150000$salt1234${}", "0".repeat(63)),
            format!("pbkdf2:sha256:150000${hex}"),
            format!("pbkdf2:sha256:-1$salt1234${hex}"),
            format!("pbkdf2:sha256:150000$s${hex}"),
            format!("pbkdf2:sha256:150000$salt1234${hex}$more"),
            format!("$2b$12${}", "a".repeat(400)),
        ] {
            assert_eq!(refused(&text), Some(HashRefused::Damaged), "{text}");
        }
        assert_eq!(refused(&format!("pbkdf2:sha256:999$salt1234${hex}")), Some(HashRefused::TooWeak));
    }
}
