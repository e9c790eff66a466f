//! The HTTP API that Twilio introduced: `POST /2010-04-01/Accounts/{sid}/Messages.json`, a form with `To`, `From` and
//! `Body`, under basic authentication. Other providers offer the same at another base URL.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::StatusCode;

use super::{SmsApi, SmsError, SmsSender};
use crate::domain::text_message::TextMessage;

const REQUEST_LIMIT: Duration = Duration::from_secs(10);
const PROBE_LIMIT: Duration = Duration::from_secs(3);

pub struct Twilio {
    api: SmsApi,
    client: reqwest::Client,
}

impl Twilio {
    pub fn new(api: SmsApi) -> Self {
        Self { api, client: service_kit::http::client(REQUEST_LIMIT) }
    }

    fn messages_url(&self) -> String {
        let base = self.api.base_url.as_str().trim_end_matches('/');
        format!("{base}/2010-04-01/Accounts/{}/Messages.json", self.api.account_sid)
    }
}

#[async_trait]
impl SmsSender for Twilio {
    async fn send(&self, message: &TextMessage) -> Result<(), SmsError> {
        let form = [("To", message.to.as_str()), ("From", &self.api.from), ("Body", &message.text)];
        let request = self.client.post(self.messages_url());
        let request = request.basic_auth(&self.api.account_sid, Some(self.api.auth_token.expose())).form(&form);
        match request.send().await {
            Ok(response) => classify(response.status()),
            Err(error) => Err(SmsError::TryAgain(unreachable(&error))),
        }
    }

    /// Any answer but a server fault shows that the provider is there.
    async fn probe(&self) -> Result<(), String> {
        let response = self.client.get(self.api.base_url.clone()).timeout(PROBE_LIMIT).send().await;
        let status = response.map_err(|error| unreachable(&error))?.status();
        if status.is_server_error() { Err(answered(status)) } else { Ok(()) }
    }
}

/// Without the provider's text: it quotes the number.
fn classify(status: StatusCode) -> Result<(), SmsError> {
    let passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    // An operator corrects wrong credentials, while the message waits.
    let ours = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
    if status.is_success() {
        Ok(())
    } else if ours.contains(&status) {
        Err(SmsError::TryAgain(format!("{}; see SMS_ACCOUNT_SID and SMS_AUTH_TOKEN", answered(status))))
    } else if status.is_client_error() && !passing.contains(&status) {
        Err(SmsError::Refused(answered(status)))
    } else {
        Err(SmsError::TryAgain(answered(status)))
    }
}

fn answered(status: StatusCode) -> String {
    format!("the provider of text messages answered {}", status.as_u16())
}

fn unreachable(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() { "did not answer in time" } else { "cannot be reached" };
    format!("the provider of text messages {what}")
}
