//! The flows, each by a user of its own.

pub(crate) mod addresses;
pub(crate) mod devices;
pub(crate) mod given_up;
pub(crate) mod import;
pub(crate) mod passwords;
pub(crate) mod phone;
pub(crate) mod second_factor;
pub(crate) mod sessions;
pub(crate) mod social;
