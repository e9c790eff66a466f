//! A problem as an HTTP response.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ErrorCode, FieldErrors, Problem};
use crate::http::server::request_id;

/// The media type of every error.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was not done (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// A page about this kind of error.
    #[serde(rename = "type")]
    #[schema(rename = "type", example = "/docs/errors/not_found")]
    kind: String,
    /// The kind of error, in words.
    #[schema(example = "Not found")]
    title: &'static str,
    /// The answer's HTTP status.
    #[schema(example = 404)]
    status: u16,
    /// The cause in this case, and what to do.
    #[schema(example = "There is no such account.")]
    detail: String,
    /// A short sentence for people.
    #[schema(example = "Not found")]
    msg: &'static str,
    /// The stable code.
    #[schema(example = "not_found")]
    error: &'static str,
    /// The request's id, as in `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// All faults of each field; present when `error` is `validation_failed`.
    #[serde(skip_serializing_if = "FieldErrors::is_empty")]
    #[schema(value_type = Option<std::collections::BTreeMap<String, Vec<String>>>)]
    errors: FieldErrors,
    #[serde(flatten)]
    #[schema(ignore)]
    extensions: Map<String, Value>,
}

const STANDARD: [&str; 8] = ["type", "title", "status", "detail", "msg", "error", "request_id", "errors"];

impl Problem {
    fn body(&self) -> ProblemBody {
        let code = self.0.code;
        let mut extensions = self.0.extensions.clone();
        extensions.retain(|key, _| !STANDARD.contains(&key.as_str()));
        ProblemBody {
            kind: format!("/docs/errors/{code}"),
            title: code.title(),
            status: code.status().as_u16(),
            detail: self.0.detail.clone(),
            msg: code.title(),
            error: code.as_str(),
            request_id: request_id(),
            errors: self.0.errors.clone(),
            extensions,
        }
    }

    pub fn response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.0.code.status());
        response.insert_header((header::CONTENT_TYPE, PROBLEM_JSON));
        if let Some(challenge) = challenge(self.0.code) {
            response.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        if let Some(after) = self.0.retry_after.or_else(|| usual_wait(self.0.code)) {
            let seconds = after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0)).max(1);
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        for (name, value) in &self.0.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.insert_header((name, value));
            } else {
                tracing::error!(name, "a header of an error is not valid");
            }
        }
        // Texts, numbers and maps with text keys only: this cannot fail.
        response.body(serde_json::to_vec(&self.body()).unwrap_or_default())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        self.response()
    }
}

/// The `Retry-After` of 429 and 503, where the refusing code has set none.
fn usual_wait(code: ErrorCode) -> Option<Duration> {
    matches!(code.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
        .then_some(Duration::from_secs(1))
}

/// RFC 6750 and RFC 9470: how to authenticate, for every 401.
fn challenge(code: ErrorCode) -> Option<&'static str> {
    match code {
        ErrorCode::InvalidToken | ErrorCode::TokenRevoked | ErrorCode::TokenSpent => {
            Some("Bearer error=\"invalid_token\"")
        }
        ErrorCode::TokenExpired => Some("Bearer error=\"invalid_token\", error_description=\"The token has expired\""),
        ErrorCode::FreshTokenRequired => Some("Bearer error=\"insufficient_user_authentication\", max_age=\"300\""),
        code if code.status() == StatusCode::UNAUTHORIZED => Some("Bearer"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody;
    use serde_json::json;

    use super::*;

    fn body_of(problem: &Problem) -> Value {
        serde_json::from_slice(&problem.response().into_body().try_into_bytes().unwrap()).unwrap()
    }

    #[test]
    fn a_problem_has_the_contract_members() {
        let problem = Problem::access_denied().with_extension("left", json!(2)).with_extension("status", json!(1));
        let body = body_of(&problem);
        assert_eq!(body["type"], "/docs/errors/access_denied");
        assert_eq!(
            (&body["status"], &body["msg"], &body["error"]),
            (&json!(403), &json!("Access denied"), &json!("access_denied"))
        );
        assert_eq!(body["left"], 2);
        assert!(body.get("errors").is_none());
    }

    #[test]
    fn faults_are_listed_by_field() {
        let errors = FieldErrors::from([("name".to_owned(), vec!["is required".to_owned()])]);
        assert_eq!(body_of(&Problem::validation(errors))["errors"], json!({ "name": ["is required"] }));
    }

    #[test]
    fn retry_after_is_rounded_up_and_a_bad_header_left_out() {
        let problem = Problem::overloaded(Duration::from_millis(1_200)).with_header("x-a", "b").with_header("x b", "c");
        let response = problem.response();
        assert_eq!(response.headers().get("retry-after").unwrap(), "2");
        assert_eq!(response.headers().get("x-a").unwrap(), "b");
        assert_eq!(response.headers().get("content-type").unwrap(), PROBLEM_JSON);
    }

    #[test]
    fn every_429_and_503_has_retry_after() {
        for code in ErrorCode::ALL.iter().filter(|code| matches!(code.status().as_u16(), 429 | 503)) {
            assert_eq!(Problem::new(*code, "x").response().headers().get("retry-after").unwrap(), "1", "{code}");
        }
        assert!(Problem::access_denied().response().headers().get("retry-after").is_none());
    }

    #[test]
    fn every_401_names_the_authentication_scheme() {
        for code in ErrorCode::ALL.iter().filter(|code| code.status() == StatusCode::UNAUTHORIZED) {
            let response = Problem::new(*code, "x").response();
            let challenge = response.headers().get(header::WWW_AUTHENTICATE).unwrap();
            assert!(challenge.to_str().unwrap().starts_with("Bearer"), "{code}");
        }
    }

    #[test]
    fn an_internal_error_hides_its_cause() {
        let problem = Problem::internal(&std::io::Error::other("UNIQUE constraint failed: users.email"));
        assert!(!body_of(&problem).to_string().contains("UNIQUE"));
    }
}
