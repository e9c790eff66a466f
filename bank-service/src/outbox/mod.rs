//! Publishes the outbox to the other services.
//!
//! [`Relay`] publishes the rows of the outbox and marks a row sent only after the transport has confirmed it. A crash
//! between the two publishes the row again; consumers are idempotent. No query selects by "id > cursor": a row is due
//! until it is marked. Of several replicas on one database one publishes (`lease`); the events of one entity are
//! published one after another, in the order of their rows (`window`).

mod entity;
mod lease;
mod marks;
mod pace;
mod relay;
mod unrouted;
mod window;

pub use relay::{Relay, RelayParts};
