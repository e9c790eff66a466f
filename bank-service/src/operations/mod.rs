//! The use cases of the bank: one transaction in, events out.
//!
//! An operation loads, decides in `domain`, writes with row counts checked, and returns its value with its events; the store
//! writes the events to the outbox and commits. It never sends, never waits for the network and never reads the clock. Every
//! query carries the caller's scope, so an item out of scope is not found.

pub mod accounts;
pub mod banks;
pub mod branches;
pub mod cards;
pub(crate) mod cascade;
pub mod cities;
pub mod clients;
mod closing;
pub mod errors;
pub mod ledger;
pub mod named;
pub mod social_statuses;
