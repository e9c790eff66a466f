//! The one way to make an outgoing HTTP client; for calls to another service of ours see [`super::peers`].

use std::error::Error;
use std::time::Duration;

use futures_util::StreamExt as _;

use crate::tls::install_crypto_provider;

const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// A client with rustls and time limits; it follows no redirect and takes no proxy from the environment, so that a request
/// goes where it was sent. `timeout` bounds a whole exchange.
///
/// # Panics
/// If the TLS backend is broken.
#[expect(
    clippy::expect_used,
    reason = "building fails only if the TLS backend is broken, and then nothing can be sent"
)]
pub fn client(timeout: Duration) -> reqwest::Client {
    builder(timeout).build().expect("the TLS backend works")
}

/// The settings that all outgoing clients share.
pub(super) fn builder(timeout: Duration) -> reqwest::ClientBuilder {
    install_crypto_provider();
    reqwest::Client::builder()
        .timeout(timeout)
        .connect_timeout(CONNECT_LIMIT.min(timeout))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
}

/// An error with all its causes on one line: an untrusted certificate is the innermost. Each part appears once: many an error
/// repeats its cause, and some drivers' repeat themselves. Callers remove the address from a request's error before: it may
/// contain a secret.
pub fn causes(error: &dyn Error) -> String {
    let (mut texts, mut next) = (vec![error.to_string()], error.source());
    while let Some(cause) = next {
        let text = cause.to_string();
        if !texts.iter().any(|before| before.contains(&text)) {
            texts.push(text);
        }
        next = cause.source();
    }
    let text = texts.join(": ");
    let mut parts: Vec<&str> = text.split(": ").collect();
    parts.dedup();
    parts.join(": ")
}

/// The body of an answer of at most so many bytes; the error is for a log.
pub async fn bounded_body(response: reqwest::Response, limit: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut body = response.bytes_stream();
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk.map_err(|error| error.without_url().to_string())?);
        if bytes.len() > limit {
            return Err(format!("the answer is larger than {limit} bytes"));
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Fault {
        #[error("the file cannot be opened: {0}")]
        Repeated(#[source] std::io::Error),
        #[error("the key cannot be read")]
        Silent(#[source] std::io::Error),
        #[error("the database is unavailable: Input/output error: Input/output error: refused")]
        Driver,
    }

    #[test]
    fn each_cause_is_there_once() {
        let cause = || std::io::Error::other("Permission denied (os error 13)");
        for (fault, text) in [
            (Fault::Repeated(cause()), "the file cannot be opened: Permission denied (os error 13)"),
            (Fault::Silent(cause()), "the key cannot be read: Permission denied (os error 13)"),
            (Fault::Driver, "the database is unavailable: Input/output error: refused"),
        ] {
            assert_eq!(causes(&fault), text);
        }
    }
}
