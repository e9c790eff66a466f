//! The relay: a transport that comes and goes, the order of events, and which of several replicas publishes.

mod leadership;
mod order;
pub(crate) mod support;
mod unavailable;
mod unrouted;
