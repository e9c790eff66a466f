//! Stand-ins for the services of others, for tests only: each checks what it receives as the genuine one does, notes what was
//! wrong, and misbehaves when it is told to. They listen on free ports of this machine, in the process of the test.
//!
//! They know no service of ours, so that tests of one service and of all of them can use them. For the same tests there is
//! [`place`]: a binary, whichever it is, run in a folder of its own, and [`ports`] for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "what is sent to them is under test: they fail by panicking, as tests do"
)]

pub mod fcm;
pub mod place;
pub mod ports;
pub mod providers;
pub mod sms;
