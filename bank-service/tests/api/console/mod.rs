//! The console: its login, its sessions, attacks on it, and the screens of users and of the bank.

mod attacks;
pub(crate) mod browser;
mod login;
mod money;
mod pages;
mod sessions;
mod users;
