//! HTTP: one server for every service, one error shape, one list shape, one way to check a token.

mod accept;
pub mod auth;
pub mod client;
pub mod cors;
pub mod envelope;
pub mod etag;
pub mod fields;
pub mod healthcheck;
pub mod openapi;
pub mod page;
pub mod paging;
pub mod peers;
mod percent;
pub mod problem;
pub mod rate;
pub mod server;
pub mod stream;

pub use accept::accepted_types;
pub use client::{bounded_body, causes, client};
pub use cors::CorsOptions;
pub use healthcheck::healthcheck;
pub use peers::{PeerClient, PeerOptions, PeerTrust};

pub use crate::tls::TlsOptions;

/// The greatest whole number in a request or an answer (2^53 − 1): up to here JavaScript and others hold each one exactly.
pub const GREATEST_NUMBER: i64 = 9_007_199_254_740_991;
