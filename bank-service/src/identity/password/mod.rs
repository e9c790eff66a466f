//! Passwords: how they are hashed and verified, changed and reset.

pub mod change;
pub mod hashing;
mod hashing_metrics;
mod hashing_threads;
mod imported_bcrypt;
pub mod imported_format;
pub mod imported_hash;
mod imported_scrypt;
pub mod reset;
