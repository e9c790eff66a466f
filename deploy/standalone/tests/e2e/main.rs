//! The whole system from outside: the real binary on free ports in a folder of its own, real HTTP, real files.
//!
//! Every test starts its own process; they share nothing and run in parallel.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stdout,
    reason = "tests fail by panicking, and print what they measured"
)]

mod api;
mod banner;
#[path = "../shared/binaries.rs"]
mod binaries;
mod conservation;
mod data_files;
mod demo;
mod docs;
mod documents;
mod dot_env;
mod ended_sessions;
mod first_minute;
mod help;
mod identity_mails;
mod log_entries;
mod mail_before_log;
mod mailbox;
mod money;
mod process;
mod restart;
mod start_faults;
mod termination;
