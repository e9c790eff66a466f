//! What log-service's answer to a posted entry means.
//!
//! Only log-service's own judgement of the entry ends the attempts: that it has this event, or that it will never take it. Any
//! other answer, such as that of another server at `LOG_SERVICE_URL`, of a proxy or to a wrong token, counts as an outage.

use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use service_kit::http::bounded_body;
use service_kit::http::problem::ErrorCode;
use shared_events::EventId;

/// An entry is below 64 KiB, and its JSON can be longer where characters are escaped.
const LONGEST_ANSWER: usize = 1024 * 1024;
/// The problems of log-service that a repetition of the same entry would have, too.
const REFUSALS: [ErrorCode; 4] =
    [ErrorCode::MalformedRequest, ErrorCode::Conflict, ErrorCode::PayloadTooLarge, ErrorCode::ValidationFailed];

pub(super) enum PostResult {
    Logged,
    TryAgain(String),
    Refused(String),
}

#[derive(Deserialize)]
struct Recorded {
    item: Entry,
}

#[derive(Deserialize)]
struct Entry {
    event_id: EventId,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

pub(super) async fn read(answer: Response, event_id: EventId) -> PostResult {
    let status = answer.status();
    let media_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or_default().to_owned();
    match bounded_body(answer, LONGEST_ANSWER).await {
        Ok(body) => classify(status, &media_type, &body, event_id),
        Err(reason) => PostResult::TryAgain(reason),
    }
}

fn classify(status: StatusCode, media_type: &str, body: &[u8], event_id: EventId) -> PostResult {
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.as_str() {
        "application/json" if matches!(status, StatusCode::OK | StatusCode::CREATED) => {
            let recorded = serde_json::from_slice::<Recorded>(body);
            if recorded.is_ok_and(|recorded| recorded.item.event_id == event_id) {
                return PostResult::Logged;
            }
        }
        "application/problem+json" => {
            let refusal = serde_json::from_slice::<Refusal>(body).ok();
            let code = refusal.and_then(|refusal| refusal.error.parse::<ErrorCode>().ok());
            let is_final = |code: &ErrorCode| REFUSALS.contains(code) && code.status().as_u16() == status.as_u16();
            if let Some(code) = code.filter(is_final) {
                return PostResult::Refused(format!("{status}: {code}"));
            }
        }
        _ => {}
    }
    // 401, 403, 408 and 429 may well be log-service's.
    let text = if status.is_server_error() || matches!(status.as_u16(), 401 | 403 | 408 | 429) {
        status.to_string()
    } else {
        format!("{status}, which is not log-service's; is LOG_SERVICE_URL its address?")
    };
    PostResult::TryAgain(text)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const EVENT: &str = "01946fd1-7e10-7c3a-9d5e-2f4b6a8c0e12";

    fn outcome(status: u16, media_type: &str, body: &str) -> &'static str {
        let status = StatusCode::from_u16(status).unwrap();
        let event_id = serde_json::from_value(Value::from(EVENT)).unwrap();
        match classify(status, media_type, body.as_bytes(), event_id) {
            PostResult::Logged => "logged",
            PostResult::TryAgain(_) => "again",
            PostResult::Refused(_) => "refused",
        }
    }

    #[test]
    fn only_an_answer_with_the_event_is_a_record_of_it() {
        let item = |event_id: &str| json!({"msg": "item created", "item": {"event_id": event_id}}).to_string();
        for status in [200, 201] {
            assert_eq!(outcome(status, "application/json", &item(EVENT)), "logged");
            assert_eq!(outcome(status, "Application/JSON; charset=utf-8", &item(EVENT)), "logged");
            for (media_type, body) in [
                ("text/html", "<html>Welcome</html>"),
                ("application/json", "{}"),
                ("application/json", &item("01946fd1-7e10-7c3a-9d5e-2f4b6a8c0e13")),
                ("", ""),
            ] {
                assert_eq!(outcome(status, media_type, body), "again", "{status} {media_type} {body}");
            }
        }
        assert_eq!(outcome(202, "application/json", &item(EVENT)), "again");
        assert_eq!(outcome(204, "", ""), "again");
    }

    #[test]
    fn only_a_problem_about_the_entry_refuses_it_for_good() {
        let problem = |code: &str| json!({"error": code, "detail": "x"}).to_string();
        for (status, code) in
            [(400, "malformed_request"), (409, "conflict"), (413, "payload_too_large"), (422, "validation_failed")]
        {
            assert_eq!(outcome(status, "application/problem+json", &problem(code)), "refused", "{code}");
            assert_eq!(outcome(status, "application/problem+json", "{}"), "again", "{code}");
            assert_eq!(outcome(status, "application/json", &problem(code)), "again", "{code}");
            assert_eq!(outcome(status, "text/html", "<html>"), "again", "{code}");
            assert_eq!(outcome(404, "application/problem+json", &problem(code)), "again", "{code}");
        }
    }

    #[test]
    fn the_answers_of_another_server_and_of_an_outage_are_not_the_end() {
        for (status, code) in [
            (302, ""),
            (401, "invalid_token"),
            (403, "access_denied"),
            (404, "not_found"),
            (405, "method_not_allowed"),
            (408, "request_timeout"),
            (415, "unsupported_media_type"),
            (426, "client_too_old"),
            (429, "too_many_requests"),
            (500, "internal_error"),
            (503, "overloaded"),
        ] {
            let body = json!({ "error": code }).to_string();
            for media_type in ["application/problem+json", "application/json", "text/html", ""] {
                assert_eq!(outcome(status, media_type, &body), "again", "{status} {media_type}");
            }
        }
    }
}
