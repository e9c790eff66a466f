//! The service through its front door: a real server on a free port, its own store, real tokens.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "tests fail by panicking"
)]

mod access;
mod backend;
mod broker;
mod cli;
mod consumer;
mod ended;
mod export;
mod harness;
mod item;
mod list;
mod lookup;
mod metrics;
mod record;
mod running;
mod sides;
mod sqlite;
mod stream;
mod tickets;
mod versions;
