//! The parts that all formats of imported hashes share.

use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use base64::{Engine as _, alphabet};

pub(in crate::identity) const SALT_BYTES: std::ops::RangeInclusive<usize> = 4..=64;

/// Why a hash is not imported. Shows no part of the hash itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashRefused {
    #[error("must be an argon2id, bcrypt, scrypt or pbkdf2-sha256 hash")]
    UnknownScheme,
    #[error("is damaged")]
    Damaged,
    #[error("costs too much to verify")]
    TooCostly,
    #[error("is too weak to be kept")]
    TooWeak,
}

pub(in crate::identity) fn decode_passlib(text: &str) -> Option<Vec<u8>> {
    // passlib leaves arbitrary unused bits in the last character.
    let lenient = GeneralPurpose::new(&alphabet::STANDARD, NO_PAD.with_decode_allow_trailing_bits(true));
    lenient.decode(text.replace('.', "+")).ok()
}
