//! The common parts of every service process: configuration, telemetry, lifecycle, HTTP, storage helpers and messaging.
//!
//! Each thing a service must not do by itself has its one module here: the time ([`clock`]), identifiers and randomness
//! ([`ids`]), tasks ([`task`]) and the environment ([`config`]). The crate knows no bank and no log: it depends on the message
//! schema only.

pub mod clock;
pub mod config;
mod deadline;
pub mod doctor;
pub mod fail_point;
pub mod http;
pub mod ids;
pub mod lifecycle;
pub mod messaging;
pub mod process;
pub mod request_id;
pub mod sqlite;
pub mod task;
pub mod telemetry;
pub mod tls;
