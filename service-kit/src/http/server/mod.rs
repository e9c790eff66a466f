//! The HTTP server of every service.
//!
//! One middleware does the work that every request needs: its id, the concurrency limit, the time limit, panics, error bodies,
//! security headers, CORS, conditions, metrics and the access log line. Shutdown: readiness answers 503 first, then no new
//! connection is accepted, then requests in flight finish within their time; all of that ends by one deadline. A stream may
//! continue after its head is sent: no time limit cuts it.

mod access;
mod address;
mod assets;
mod builtin;
mod client_addr;
mod conditional;
mod context;
mod fallback;
mod framing;
mod gate;
mod guard;
mod headers;
mod newcomers;
mod run;
mod settings;
mod shape;
mod workers;

pub(in crate::http) use address::listen_fault;
pub use address::{check_address, start_fault};
pub use assets::Asset;
pub use client_addr::{ClientAddr, Network, trust_warning};
pub(crate) use context::record_route;
pub use context::{Caller, head_only, record_caller};
pub use run::{RunningServer, serve};
pub use settings::{MAX_WORKERS, ServerParts, ServerSettings};

pub use crate::request_id::current as request_id;
pub use crate::tls::Tls;
