//! The suite on real engines: delivery records in MongoDB, mail to an SMTP server with a readable inbox.
//!
//! Needs `AMQP_URI`, `AMQPS_URI`, `MONGODB_URI`, `SMTP_HOST`, `SMTP_PORT` and `SMTP_API_URL` (or `SMTP_API`), as
//! `deploy/local/with.sh` sets them; a missing one fails every test that needs it. Each test has a database of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "tests fail by panicking"
)]
#![allow(dead_code, reason = "the helpers are those of tests/api, which uses all of them")]

mod claims;
#[path = "../api/confirmation.rs"]
mod confirmation;
#[path = "../api/contract.rs"]
mod contract;
#[path = "../api/doubles.rs"]
mod doubles;
mod engine;
mod fitness;
mod inbox;
#[path = "../api/mime.rs"]
mod mime;
mod mongod;
#[path = "../api/once.rs"]
mod once;
mod process;
#[path = "../api/refusal.rs"]
mod refusal;
#[path = "../api/routes.rs"]
mod routes;
#[path = "../api/support.rs"]
mod support;
mod wrong;
