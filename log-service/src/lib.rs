//! Log-service: records the events of the other services once each and serves them over HTTP.
//!
//! [`app::start`] runs the HTTP API and returns the consumer of the queue `log-service`; the caller connects that consumer
//! to a transport. `http` and `consumers` reach the log through the trait in [`store`] only.

pub mod app;
pub mod config;
mod consumers;
pub mod domain;
pub mod http;
mod metrics;
mod retention;
pub mod store;

pub use app::{Running, StartError};
pub use consumers::RecordEvent;
