//! Who may log in, with what, and for how long.

pub(crate) mod authenticator;
mod client_version;
mod email;
mod email_change;
mod enumeration;
mod import;
mod key_rotation;
mod login;
mod logout;
mod mfa_login;
mod mfa_races;
mod mfa_setup;
mod one_time;
mod password;
mod profile;
mod real_time;
mod refresh;
mod register;
mod reset;
mod reset_attacks;
mod roles;
mod secrecy;
mod social;
mod social_links;
mod social_refusals;
mod tokens;
mod users;
