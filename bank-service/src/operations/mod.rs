//! What the bank does: one transaction in, events out.
//!
//! An operation loads, decides in `domain`, writes with row counts checked, and returns its value with its events; the store
//! writes the events to the outbox and commits. It never sends, never waits for the network and never reads the clock. The
//! scope of the caller goes with every query, so what a caller may not see is not found.

pub mod accounts;
pub mod banks;
pub mod branches;
pub mod cards;
pub(crate) mod cascade;
pub mod cities;
pub mod clients;
pub mod errors;
pub mod named;
pub mod social_statuses;
