//! The whole service through its front doors: events in by a broker, mails out to a folder, HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "tests fail by panicking"
)]

mod access;
mod broker;
mod cli;
mod confirmation;
mod content;
mod contract;
mod crash;
mod doubles;
mod engine;
mod injection;
mod late_record;
mod mailgun;
mod mailgun_stub;
mod metrics;
mod mime;
mod once;
mod outage;
mod refusal;
mod routes;
mod smtp;
mod smtp_stub;
mod smtp_tls;
mod support;
mod throughput;
