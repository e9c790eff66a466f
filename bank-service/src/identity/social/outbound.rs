//! Requests to providers: five seconds, 64 KiB, no redirect, at most [`MAX_IN_FLIGHT`] at a time.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::identity::social::error::ProviderError;

const TIME_LIMIT: Duration = Duration::from_secs(5);
const MAX_BYTES: usize = 64 * 1024;
/// The limit of concurrent requests; a provider that hangs must not block everything.
const MAX_IN_FLIGHT: usize = 64;
/// The faults of [`Reply::graph_fault`] that are those of our client's secret and id.
const OF_CLIENT: [&str; 2] = ["1", "101"];
/// Some interfaces refuse requests without a user agent.
const USER_AGENT: &str = concat!("bank-service/", env!("CARGO_PKG_VERSION"));

/// The HTTP client for all providers.
pub(super) struct Outbound {
    pub(super) http: reqwest::Client,
    permits: Semaphore,
}

/// A definite answer of the provider: a success or a refusal, in JSON.
pub(super) struct Reply {
    status: StatusCode,
    body: Value,
}

impl Reply {
    pub(super) fn is_success(&self) -> bool {
        self.status.is_success()
    }

    pub(super) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// A text in it. Numbers are read as texts: ids are either, depending on the provider.
    pub(super) fn text(&self, pointer: &str) -> Option<String> {
        match self.body.pointer(pointer)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
            _ => None,
        }
    }

    /// Whether the field is true; some providers write `"true"`.
    pub(super) fn is_true(&self, pointer: &str) -> bool {
        self.body.pointer(pointer).is_some_and(|value| *value == Value::Bool(true) || value == "true")
    }

    /// The number of a fault that Facebook's Graph interface reports: its type is the same for nearly all of them.
    pub(super) fn graph_fault(&self) -> Option<String> {
        self.text("/error/code")
    }

    pub(super) fn body(&self) -> &Value {
        &self.body
    }

    /// The answer to a code: refused if the provider says that the code is bad. Any other fault is between us and the provider.
    pub(super) fn exchanged(self) -> Result<Self, ProviderError> {
        let Some(error) = self.text("/error").or_else(|| self.text("/error/type")) else {
            let status = self.status();
            return if self.is_success() {
                Ok(self)
            } else {
                Err(ProviderError::unavailable(format!("status {status}")))
            };
        };
        match error.as_str() {
            "OAuthException" if self.graph_fault().is_some_and(|code| OF_CLIENT.contains(&code.as_str())) => {
                Err(ProviderError::UnknownClient)
            }
            "invalid_grant" | "bad_verification_code" | "OAuthException" | "access_denied" => {
                Err(ProviderError::Refused("the code is not good"))
            }
            "invalid_client" | "unauthorized_client" | "incorrect_client_credentials" => {
                Err(ProviderError::UnknownClient)
            }
            "redirect_uri_mismatch" => Err(ProviderError::unavailable("our redirect address is not registered there")),
            _ => Err(ProviderError::unavailable("it refused the exchange of a code")),
        }
    }
}

impl Outbound {
    pub(super) fn new() -> Self {
        Self { http: service_kit::http::client(TIME_LIMIT), permits: Semaphore::new(MAX_IN_FLIGHT) }
    }

    /// Sends a request; an unclear answer is the provider's fault, and its text shows no part of the request.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Reply, ProviderError> {
        let _permit = self.permits.try_acquire().map_err(|_| ProviderError::unavailable("too many requests to it"))?;
        let request = request.header("Accept", "application/json").header("User-Agent", USER_AGENT);
        let response = request.send().await.map_err(|error| transport(&error))?;
        let status = response.status();
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS || !is_answer(status) {
            return Err(ProviderError::unavailable(format!("status {}", status.as_u16())));
        }
        let mut bytes = Vec::new();
        let mut body = response.bytes_stream();
        while let Some(chunk) = body.next().await {
            bytes.extend_from_slice(&chunk.map_err(|error| transport(&error))?);
            if bytes.len() > MAX_BYTES {
                return Err(ProviderError::unavailable("its answer is larger than 64 KiB"));
            }
        }
        match serde_json::from_slice(&bytes) {
            Ok(body) => Ok(Reply { status, body }),
            Err(_) if status.is_success() => Err(ProviderError::unavailable("its answer is not JSON")),
            Err(_) => Ok(Reply { status, body: Value::Null }),
        }
    }
}

fn is_answer(status: StatusCode) -> bool {
    status.is_success() || status.is_client_error()
}

/// Without the URL: it may hold a token.
fn transport(error: &reqwest::Error) -> ProviderError {
    let what = match error {
        error if error.is_timeout() => "it did not answer in time",
        error if error.is_connect() => "it cannot be connected to",
        _ => "the exchange with it broke off",
    };
    ProviderError::unavailable(what)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn exchanged(body: Value) -> Option<ProviderError> {
        Reply { status: StatusCode::BAD_REQUEST, body }.exchanged().err()
    }

    #[test]
    fn a_fault_of_our_client_is_none_of_the_code() {
        let graph = |code: i64| exchanged(json!({"error": {"message": "m", "type": "OAuthException", "code": code}}));
        for client in [graph(1), graph(101), exchanged(json!({"error": "invalid_client"}))] {
            assert_eq!(client, Some(ProviderError::UnknownClient));
        }
        for code in [graph(100), exchanged(json!({"error": "invalid_grant"}))] {
            assert_eq!(code, Some(ProviderError::Refused("the code is not good")));
        }
        assert!(matches!(exchanged(json!({"error": "invalid_scope"})), Some(ProviderError::Unavailable(_))));
    }
}
