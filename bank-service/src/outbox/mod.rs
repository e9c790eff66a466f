//! From the outbox to the other services.
//!
//! [`Relay`] publishes the rows of the outbox and marks a row sent only when the transport has taken it for good. A crash
//! between the two publishes the row again; consumers put an event into effect once. Nothing is selected by "id > cursor":
//! a row is due until it is marked. Of several replicas on one database one publishes (`lease`); the events of one entity go
//! out one after another, in the order of their rows (`window`).

mod entity;
mod lease;
mod marks;
mod pace;
mod relay;
mod unrouted;
mod window;

pub use relay::{Relay, RelayParts};
