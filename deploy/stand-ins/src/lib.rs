//! Stand-ins for the services of others, for tests only: each checks its requests as the genuine one does, records what was
//! wrong, and misbehaves on demand. They listen on free ports of this machine, in the process of the test.
//!
//! They depend on no service of ours, so that tests of one service and of all of them can use them. The same tests use
//! [`place`], which runs any binary in a folder of its own, and [`ports`] for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "what is sent to them is under test: they fail by panicking, as tests do"
)]

pub mod fcm;
pub mod otlp;
pub mod place;
pub mod ports;
pub mod providers;
pub mod sms;
