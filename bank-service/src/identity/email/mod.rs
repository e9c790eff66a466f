//! E-mail: how a user proves and changes an address, which mails identity sends, and how many of them.

pub(in crate::identity) mod caps;
pub mod change;
pub(in crate::identity) mod links;
pub mod mails;
pub mod proof;
pub mod verification;
