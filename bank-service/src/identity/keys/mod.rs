//! Keys: those that sign access tokens, and the one that seals values in the database.

pub(in crate::identity) mod ring;
pub mod rotation;
pub(in crate::identity) mod vault_key;
