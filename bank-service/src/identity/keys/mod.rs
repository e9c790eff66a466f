//! Keys: those that sign access tokens, and the one that the database is sealed under.

pub(in crate::identity) mod ring;
pub mod rotation;
pub(in crate::identity) mod vault_key;
