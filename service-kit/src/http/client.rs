//! The one way to make an outgoing HTTP client.

use std::time::Duration;

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
    install_crypto_provider();
    reqwest::Client::builder()
        .timeout(timeout)
        .connect_timeout(CONNECT_LIMIT.min(timeout))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("the TLS backend works")
}
