//! The limits and the address of a server, and the parts it shares with its service.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::Network;
use crate::http::cors::Origins;
use crate::lifecycle::{Readiness, Shutdown, WORK_LIMIT};
use crate::telemetry::Metrics;
use crate::tls::Tls;

/// The most threads that a server takes: with more, actix panics.
pub const MAX_WORKERS: usize = 512;

/// The limits and the address of a server.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    pub service: &'static str,
    pub bind: SocketAddr,
    /// The threads that serve; 1 to [`MAX_WORKERS`].
    pub workers: usize,
    pub tls: Tls,
    /// The largest body, in bytes; a route may set its own by `BodyLimit`.
    pub body_limit: usize,
    /// From a request's head to the answer's head.
    pub request_timeout: Duration,
    /// How long a client may take to send a request's head. It counts from the accepted connection and passes while this process gets no
    /// processor as well, so it is longer than the gateway's: what is slow of a client ends there.
    pub head_timeout: Duration,
    /// How long a client may take to send a request's body.
    pub body_timeout: Duration,
    /// Over all workers; more wait in the listen queue.
    pub max_connections: usize,
    /// Requests in work over all workers; more are refused with 503.
    pub max_in_flight: usize,
    /// How long requests in flight may take to finish once the server stops.
    pub shutdown_timeout: Duration,
    /// Between "not ready" and the end of accepting, for load balancers to see it.
    pub drain_delay: Duration,
    /// Between the last new connection and the end of accepting, for those before it to be accepted and read.
    pub accept_delay: Duration,
    /// After that, how long a connection that has sent no request yet is waited for.
    pub silence_limit: Duration,
    /// From the beginning of a shutdown to the end of the server, whatever its steps would like to wait for.
    pub stop_limit: Duration,
    /// The proxies whose `X-Forwarded-For` names the client.
    pub trusted_proxies: Vec<Network>,
    /// The origins whose pages may read answers.
    pub cors_origins: Origins,
    /// How long a client may take nothing of an answer that waits for it.
    pub write_timeout: Duration,
    /// The documentation is below `/v1` as well.
    pub versioned: bool,
    /// People reach it over TLS that ends in front of it.
    pub https_in_front: bool,
    /// Where `/` leads a browser; to the documentation without it.
    pub home: Option<&'static str>,
}

impl ServerSettings {
    pub fn new(service: &'static str, bind: SocketAddr) -> Self {
        Self {
            service,
            bind,
            workers: std::thread::available_parallelism().map_or(2, usize::from).min(MAX_WORKERS),
            tls: Tls::Off,
            body_limit: 64 * 1024,
            request_timeout: Duration::from_secs(15),
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            max_connections: 10_000,
            max_in_flight: 1_024,
            shutdown_timeout: Duration::from_secs(6),
            drain_delay: Duration::from_millis(500),
            accept_delay: Duration::from_millis(250),
            silence_limit: Duration::from_secs(1),
            stop_limit: WORK_LIMIT,
            trusted_proxies: Vec::new(),
            cors_origins: Origins::default(),
            write_timeout: Duration::from_secs(10),
            versioned: false,
            https_in_front: false,
            home: None,
        }
    }
}

/// The parts that a server shares with the rest of its service.
#[derive(Clone)]
pub struct ServerParts {
    pub metrics: Arc<Metrics>,
    pub readiness: Readiness,
    pub shutdown: Shutdown,
    pub openapi: utoipa::openapi::OpenApi,
}
