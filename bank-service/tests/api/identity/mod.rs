//! Who may log in, with what, and for how long.

mod client_version;
mod import;
mod login;
mod logout;
mod one_time;
mod password;
mod profile;
mod real_time;
mod refresh;
mod register;
mod roles;
mod secrecy;
mod tokens;
mod users;
