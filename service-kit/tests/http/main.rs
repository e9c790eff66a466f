//! A real server on a free port, and the behaviour that clients can rely on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "tests fail by panicking"
)]

mod auth;
mod builtin;
mod cors;
mod documents;
mod error_reports;
mod errors;
mod keys;
mod lifecycle;
mod live;
mod logs;
mod peer_authorities;
mod peers;
mod sessions;
mod shape;
mod slow;
mod support;
#[cfg(feature = "otlp")]
mod traces;
