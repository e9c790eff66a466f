//! The process on real servers: its reports of unusable servers, TLS, the rights that it needs, and queues that it waits for.
//!
//! Needs `DATABASE_URL`, `DATABASE_CA_FILE`, `AMQP_URI`, `AMQPS_URI` and `AMQPS_CA_FILE`, as `deploy/local/with.sh` sets them;
//! a missing one fails every test that needs it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod grants;
mod process;
mod refused;
mod tls;
mod waiting;
