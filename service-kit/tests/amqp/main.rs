//! Messaging over a real broker. Needs `AMQP_URI`: `SERVERS=rabbitmq deploy/local/with.sh cargo test --workspace --test amqp`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stderr,
    clippy::float_arithmetic,
    reason = "tests fail by panicking, and measurements are printed"
)]

mod confirms;
mod contract;
mod dead_letters;
mod expected_queues;
mod faults;
mod headers;
mod outages;
mod probe;
mod rights;
mod support;
mod throughput;
mod tls;

/// The consumer and the messages of the in-process tests.
#[allow(dead_code, reason = "only a part of it is used here")]
#[path = "../messaging/support.rs"]
mod scripted;
