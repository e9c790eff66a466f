//! The suite of `tests/api` on MongoDB, and the behaviour of a log in MongoDB alone.
//!
//! Needs `MONGODB_URI`, a replica set; every test has a database of its own there and drops it. The tests of a wrong broker also
//! need `AMQP_URI` and `AMQPS_URI`; `deploy/local/with.sh` sets all of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "tests fail by panicking"
)]

#[path = "../api/access.rs"]
mod access;
mod backend;
#[path = "../api/consumer.rs"]
mod consumer;
#[path = "../api/ended.rs"]
mod ended;
#[path = "../api/export.rs"]
mod export;
#[path = "../api/harness.rs"]
mod harness;
mod indexes;
#[path = "../api/item.rs"]
mod item;
#[path = "../api/list.rs"]
mod list;
mod outage;
mod process;
#[path = "../api/record.rs"]
mod record;
mod refused;
mod replicas;
#[path = "../api/running.rs"]
mod running;
mod server;
#[path = "../api/sides.rs"]
mod sides;
#[path = "../api/stream.rs"]
mod stream;
#[path = "../api/tickets.rs"]
mod tickets;
mod traffic;
#[path = "../api/versions.rs"]
mod versions;
mod wrong;
