//! email-service: turns events into mail, and reports the mail server's answer to the event's `reply_to`.
//!
//! An event comes in from a queue, [`templates`] write its mail, a [`mailer`] sends it once to each recipient, the
//! [`store`] records that, and [`confirmations`] replies on the queue that the event names. Staff can read deliveries over
//! HTTP. Embedded in another process: [`app::start`], then subscribe [`Running::consumer`].

pub mod app;
pub mod config;
pub mod confirmations;
pub mod consumers;
pub mod domain;
pub mod http;
pub mod mailer;
mod metrics;
pub mod operations;
pub mod store;
pub mod templates;

pub use app::{Running, StartError};
pub use metrics::EmailMetrics;
