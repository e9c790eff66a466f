//! bank-service, tested through its HTTP API.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "tests fail by panicking"
)]

mod console;
mod console_ops;
mod database;
mod dense_ids;
mod foreign;
mod harness;
mod identity;
mod ledger;
mod ledger_model;
mod mails;
mod metrics;
mod migrations;
mod money;
mod providers;
mod relay;
mod resources;
mod rows;
mod schema_picture;
mod start_faults;
mod trace;
mod transport;
