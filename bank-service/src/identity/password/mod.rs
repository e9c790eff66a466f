//! Passwords: how they are hashed and verified, changed and reset.

pub mod change;
pub mod hashing;
mod hashing_threads;
pub mod imported_format;
pub mod imported_hash;
mod imported_scrypt;
pub mod reset;
