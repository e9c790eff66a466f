//! Mailgun's HTTP API, by its `messages.mime` endpoint: the mail is sent unchanged, with our own Message-ID.
//!
//! | answer | means |
//! |---|---|
//! | 2xx | accepted |
//! | 401, 402, 403, 404 | unavailable: key, account or domain are wrong, which is no mail's fault |
//! | 408, 429, 500, other 5xx, no answer in time | transient |
//! | 502, 503, 504, no connection | unavailable |
//! | other 4xx | permanent |
//!
//! An answer that comes after the time limit may have been an acceptance: the mail is then sent again, under the same
//! Message-ID.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use service_kit::config::Secret;
use service_kit::http::{causes, client};
use service_kit::telemetry::trace::Span;

use super::{Accepted, Mailer, SendError};
use crate::domain::{Mail, clip, single_line};

const MAX_ANSWER_CHARS: usize = 200;
/// The bytes of an answer that are read.
const MAX_ANSWER_BYTES: usize = 4096;
const USER: &str = "api";

/// A Mailgun account's domain.
#[derive(Debug, Clone)]
pub struct MailgunSettings {
    /// `https://api.mailgun.net`, or `https://api.eu.mailgun.net`.
    pub base_url: String,
    pub domain: String,
    pub api_key: Secret,
    /// For one whole request.
    pub limit: Duration,
}

pub struct MailgunMailer {
    settings: MailgunSettings,
    client: reqwest::Client,
    url: String,
}

impl MailgunMailer {
    pub fn new(settings: MailgunSettings) -> Self {
        let url = format!("{}/v3/{}/messages.mime", settings.base_url.trim_end_matches('/'), settings.domain);
        Self { client: client(settings.limit), settings, url }
    }

    async fn post(&self, boundary: &str, body: Vec<u8>) -> Result<Response, reqwest::Error> {
        let kind = format!("multipart/form-data; boundary=\"{boundary}\"");
        let request = self.client.post(&self.url).basic_auth(USER, Some(self.settings.api_key.expose()));
        let request = request.header(CONTENT_TYPE, kind).body(body).build()?;
        // A stranger's server gets no `traceparent`.
        let mut span = Span::request("POST", request.url());
        let answer = span.scope(self.client.execute(request)).await;
        span.received(answer.as_ref().ok().map(|answer| answer.status().as_u16()));
        answer
    }
}

#[async_trait]
impl Mailer for MailgunMailer {
    async fn send(&self, mail: &Mail) -> Result<Accepted, SendError> {
        let message = mail.to_message().map_err(|error| SendError::Permanent(error.to_string()))?;
        // Differs from the mail's own boundary, and neither can be in a dot-atom or in encoded content.
        let boundary = format!("form=_{}", mail.message_id.local());
        let body = form(&boundary, mail.to.as_str(), &message.formatted());
        let response = self.post(&boundary, body).await.map_err(|error| unanswered(&error))?;
        let status = response.status();
        let reason = describe(status, &answer(response).await);
        if status.is_success() { Ok(Accepted { answer: reason }) } else { Err(refusal(status, reason)) }
    }

    /// Posts a mail without recipient and content. An account that may send gets a 400 about the missing fields; nothing is sent.
    async fn probe(&self) -> Result<(), String> {
        let response = self.post("probe", b"--probe--\r\n".to_vec()).await;
        let status = response.map_err(|error| unanswered(&error).to_string())?.status();
        if status.is_success() || status == StatusCode::BAD_REQUEST {
            return Ok(());
        }
        match refusal(status, describe(status, "")) {
            SendError::Transient(reason)
            | SendError::Permanent(reason)
            | SendError::Unavailable(reason)
            | SendError::Unanswered(reason) => Err(reason),
        }
    }
}

/// `multipart/form-data` of the two fields that the endpoint requires. An address is a dot-atom, so it cannot end its part.
fn form(boundary: &str, to: &str, mime: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\n{to}\r\n--{boundary}\r\n\
         Content-Disposition: form-data; name=\"message\"; filename=\"message.eml\"\r\n\
         Content-Type: message/rfc822\r\n\r\n"
    );
    let tail = format!("\r\n--{boundary}--\r\n");
    [head.as_bytes(), mime, tail.as_bytes()].concat()
}

fn unanswered(error: &reqwest::Error) -> SendError {
    if error.is_connect() {
        // The causes alone: the error itself shows the address.
        let cause = Error::source(error).map_or_else(String::new, |cause| format!(": {}", causes(cause)));
        SendError::Unavailable(format!("Mailgun cannot be reached{cause}; check MAILGUN_BASE_URL"))
    } else if error.is_timeout() {
        SendError::Transient("Mailgun did not answer in time".to_owned())
    } else {
        SendError::Transient("the connection to Mailgun was lost".to_owned())
    }
}

fn refusal(status: StatusCode, reason: String) -> SendError {
    match status.as_u16() {
        401..=404 => SendError::Unavailable(format!("{reason}; check MAILGUN_API_KEY and MAILGUN_DOMAIN")),
        502..=504 => SendError::Unavailable(reason),
        408 | 429 | 500.. => SendError::Transient(reason),
        400.. => SendError::Permanent(reason),
        // A redirect: that is not Mailgun.
        _ => SendError::Unavailable(format!("{reason}; check MAILGUN_BASE_URL")),
    }
}

/// The beginning of the answer's `message`, without addresses.
async fn answer(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_ANSWER_BYTES {
            break;
        }
    }
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    json.get("message").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

fn describe(status: StatusCode, message: &str) -> String {
    let message = single_line(message);
    let words = message.split_whitespace().map(|word| if word.contains('@') { "<address>" } else { word });
    let message = words.collect::<Vec<_>>().join(" ");
    clip(format!("Mailgun answered {} {message}", status.as_u16()).trim_end(), MAX_ANSWER_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refusals_of_the_mail_are_final() {
        let meaning = |status: u16| refusal(StatusCode::from_u16(status).unwrap(), String::new());
        for status in [400, 406, 413, 422] {
            assert!(matches!(meaning(status), SendError::Permanent(_)), "{status}");
        }
        for status in [408, 429, 500, 507] {
            assert!(matches!(meaning(status), SendError::Transient(_)), "{status}");
        }
        for status in [301, 401, 402, 403, 404, 502, 503, 504] {
            assert!(matches!(meaning(status), SendError::Unavailable(_)), "{status}");
        }
    }
}
