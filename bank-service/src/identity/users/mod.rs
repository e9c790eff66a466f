//! Users and roles: made, changed and removed by themselves, by administrators and by operators.

pub mod admin;
pub mod block;
pub mod change;
pub mod credentials;
pub mod import;
pub mod profile;
pub mod purge_unverified;
pub mod register;
pub mod roles;
pub mod seed;
