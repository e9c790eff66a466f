//! HTTP: one server for every service, one error shape, one list shape, one way to check a token.

pub mod auth;
pub mod client;
pub mod envelope;
pub mod fields;
pub mod healthcheck;
pub mod openapi;
pub mod paging;
pub mod problem;
pub mod rate;
pub mod server;
pub mod tls;
mod tls_options;

pub use client::client;
pub use healthcheck::healthcheck;
pub use tls_options::TlsOptions;
