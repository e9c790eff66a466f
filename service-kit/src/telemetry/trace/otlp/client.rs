//! The HTTP client of the exporter's thread.
//!
//! As all our clients it uses rustls, follows no redirect and takes no proxy from the environment. The thread of the SDK has no
//! runtime, so the client brings one, which runs on that thread alone. It is made with the first request, on that thread: a
//! runtime must not be dropped where another one runs.

use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use reqwest::redirect::Policy;
use tokio::runtime::{Builder, Runtime};

use crate::tls::install_crypto_provider;

/// A collector answers with a few bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct CollectorClient {
    http: reqwest::Client,
    runtime: OnceLock<Runtime>,
}

#[derive(Debug, thiserror::Error)]
#[error("the answer is larger than {MAX_ANSWER_BYTES} bytes")]
struct TooLarge;

impl CollectorClient {
    /// `timeout` bounds a whole exchange.
    pub(super) fn new(timeout: Duration) -> reqwest::Result<Self> {
        install_crypto_provider();
        let http = reqwest::Client::builder()
            .timeout(timeout)
            .connect_timeout(timeout)
            .redirect(Policy::none())
            .no_proxy()
            // Between two exports nothing drives the runtime, so a connection that ended meanwhile would go unnoticed.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self { http, runtime: OnceLock::new() })
    }

    fn runtime(&self) -> std::io::Result<&Runtime> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(self.runtime.get_or_init(|| runtime))
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut answer = self.http.execute(request.try_into()?).await.map_err(reqwest::Error::without_url)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len().saturating_add(chunk.len()) > MAX_ANSWER_BYTES {
                return Err(TooLarge.into());
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }
}

#[async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        self.runtime()?.block_on(self.exchange(request))
    }
}
