//! The relay: an unreliable transport, the order of events, and leadership among replicas.

mod leadership;
mod order;
pub(crate) mod support;
mod unavailable;
mod unrouted;
