//! Messaging: the reaction of the runner and the in-process broker to each outcome, fault and outage.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "tests fail by panicking"
)]

mod dead_letter_admin;
mod dead_letters;
mod drain;
mod outages;
mod outcomes;
mod poison;
mod routing;
mod support;
