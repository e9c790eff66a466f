//! The one way to make an outgoing HTTP client; for calls to another service of ours see [`super::peers`].

use std::error::Error;
use std::time::Duration;

use futures_util::StreamExt as _;

use super::tls::install_crypto_provider;

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

/// What all outgoing clients have in common.
pub(super) fn builder(timeout: Duration) -> reqwest::ClientBuilder {
    install_crypto_provider();
    reqwest::Client::builder()
        .timeout(timeout)
        .connect_timeout(CONNECT_LIMIT.min(timeout))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
}

/// What went wrong, to its last cause, on one line: that a certificate is not trusted is the innermost. Of a request's error take
/// the address away before, which may bear a secret.
pub fn causes(error: &dyn Error) -> String {
    let (mut text, mut next) = (error.to_string(), error.source());
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
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
