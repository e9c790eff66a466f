//! Calls between the services.
//!
//! `INTERNAL_CA` is trusted for them beside the system's authorities. In development, and for hosts on this machine only
//! (`localhost`, 127.0.0.0/8, `::1`), a self-signed certificate is trusted as well, and where a port speaks the other of http
//! and https, that scheme is tried once for the call and, if it is answered, first for later calls; one warning names the
//! variable. Everywhere else a call uses exactly the variable's scheme and host, or fails: tokens never leave unencrypted
//! where https was configured.

mod options;
mod trust;

pub use options::PeerOptions;
pub use trust::PeerTrust;

use std::error::Error;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::{IntoUrl, Method, Request, RequestBuilder, Response};
use rustls::InvalidMessage;
use url::{Host, Url};

use super::client::builder;
use crate::telemetry::trace::{Span, TRACEPARENT};

/// A client of one other service. Clones share what is known of the service.
#[derive(Clone, Debug)]
pub struct PeerClient {
    http: reqwest::Client,
    /// The variable with the address.
    variable: &'static str,
    trust: PeerTrust,
    /// The peer last answered by the other scheme.
    other: Arc<AtomicBool>,
}

impl PeerClient {
    /// `limit` bounds one exchange, of which a call may take two. Reads files if it is the first with this trust.
    ///
    /// # Panics
    /// If the TLS backend is broken.
    #[expect(
        clippy::expect_used,
        reason = "building fails only if the TLS backend is broken, and then nothing can be sent"
    )]
    pub fn new(variable: &'static str, trust: &PeerTrust, limit: Duration) -> Self {
        let mut building = builder(limit).tls_backend_preconfigured(trust.client_config());
        if trust.is_development() {
            // `localhost` is trusted more than other names, so it is this machine whatever a resolver answers.
            let own = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))];
            building = building.resolve_to_addrs("localhost", &own);
        }
        let http = building.build().expect("the TLS backend works");
        Self { http, variable, trust: trust.clone(), other: Arc::default() }
    }

    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.http.get(url)
    }

    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.http.post(url)
    }

    /// Sends a request that [`Self::get`] or [`Self::post`] began, below the current span. The URL in an error or an answer may
    /// have the other scheme.
    pub async fn send(&self, request: RequestBuilder) -> reqwest::Result<Response> {
        let mut request = request.build()?;
        let method = if request.method() == Method::POST { "POST" } else { "GET" };
        let mut span = Span::request(method, request.url());
        if let Some(traceparent) = span.traceparent().and_then(|text| text.try_into().ok()) {
            request.headers_mut().insert(TRACEPARENT, traceparent);
        }
        let answer = span.scope(self.exchange(request)).await;
        span.received(answer.as_ref().ok().map(|answer| answer.status().as_u16()));
        answer
    }

    async fn exchange(&self, request: Request) -> reqwest::Result<Response> {
        if !(self.trust.is_development() && is_on_this_machine(request.url())) {
            return self.http.execute(request).await;
        }
        // None: its body is a stream, which can be sent only once.
        let Some(copy) = request.try_clone() else { return self.http.execute(request).await };
        let was_other = self.other.load(Ordering::Relaxed);
        let (first, second) =
            if was_other { (with_other_scheme(copy), request) } else { (request, with_other_scheme(copy)) };
        let requested = first.url().clone();
        let failed = match self.http.execute(first).await {
            Err(error) if speaks_other_scheme(&error, &requested) => error,
            settled => return settled,
        };
        let Ok(answer) = self.http.execute(second).await else { return Err(failed) };
        self.other.store(!was_other, Ordering::Relaxed);
        if !was_other && self.trust.is_first_warning(self.variable) {
            tracing::warn!("{}", other_scheme_warning(self.variable, requested.scheme(), answer.url().scheme()));
        }
        Ok(answer)
    }

    /// For `doctor`, which has no log: the answer, and the warning if it came by the other scheme.
    pub async fn probe(&self, url: &Url) -> reqwest::Result<(Response, Option<String>)> {
        // Marks the warning as given: the caller reports it.
        self.trust.is_first_warning(self.variable);
        let answer = self.send(self.get(url.clone())).await?;
        let (requested, met) = (url.scheme(), answer.url().scheme());
        let warning = (requested != met).then(|| other_scheme_warning(self.variable, requested, met));
        Ok((answer, warning))
    }
}

fn other_scheme_warning(variable: &str, requested: &str, met: &str) -> String {
    format!(
        "{variable}: that port speaks {met}, not {requested}; write {met}:// in {variable}. Only development finds this out, and \
         only on this machine"
    )
}

/// The hosts that development trusts more than others. Names below `localhost` are not among them: a resolver may send them to
/// any host.
fn is_on_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The same port by the other scheme.
fn with_other_scheme(mut request: Request) -> Request {
    let url = request.url_mut();
    let port = url.port_or_known_default();
    let other = if url.scheme() == "https" { "http" } else { "https" };
    // Neither call fails between http and https, which always have a host.
    if url.set_scheme(other).is_ok() {
        url.set_port(port).ok();
    }
    request
}

/// Whether the port may speak the other scheme: the answer to TLS was not TLS, or plain http failed after the connection was
/// made. In the second case the server does not get a request twice: the retry begins with TLS, which a server that has
/// understood plain http does not answer.
fn speaks_other_scheme(error: &reqwest::Error, requested: &Url) -> bool {
    if requested.scheme() == "https" { is_no_tls(error) } else { !error.is_connect() && !error.is_timeout() }
}

/// Whether the first bytes of the answer to TLS are not TLS.
fn is_no_tls(error: &reqwest::Error) -> bool {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) = error.downcast_ref() {
            return true;
        }
        // An I/O error does not give what it wraps as its source.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_localhost_and_the_loopback_addresses_alone() {
        let own = |url: &str| is_on_this_machine(&url.parse().unwrap());
        for url in
            ["http://localhost", "https://LOCALHOST:8000", "http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]:1"]
        {
            assert!(own(url), "{url}");
        }
        for url in [
            "http://localhost.",
            "http://a.localhost",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "http://0.0.0.0",
            "http://128.0.0.1",
            "http://10.0.0.1",
            "http://[::]",
            "http://[::ffff:127.0.0.1]",
            "http://[fe80::1]",
            "http://bank-service:5000",
        ] {
            assert!(!own(url), "{url}");
        }
    }

    #[test]
    fn the_other_scheme_is_that_of_the_same_port_and_path() {
        let other = |url: &str| {
            let request = Request::new(Method::GET, url.parse().unwrap());
            with_other_scheme(request).url().to_string()
        };
        assert_eq!(other("https://localhost:8000/api/logs?a=b"), "http://localhost:8000/api/logs?a=b");
        assert_eq!(other("http://[::1]:5000/"), "https://[::1]:5000/");
        assert_eq!(other("https://localhost/x"), "http://localhost:443/x");
        assert_eq!(other("http://127.0.0.1/x"), "https://127.0.0.1:80/x");
    }
}
