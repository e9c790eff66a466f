//! The ways to send text messages.
//!
//! A message waits in the outbox and in the broker sealed under `SECRET_KEY`; only the consumer opens it, before it is sent here.
//! Neither number nor text is ever logged.

mod folder;
mod twilio;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use service_kit::config::Secret;
use url::Url;

use crate::domain::text_message::TextMessage;

pub use folder::PhoneFolder;
pub use twilio::Twilio;

/// A provider with the API that Twilio introduced.
#[derive(Debug, Clone)]
pub struct SmsApi {
    pub base_url: Url,
    pub account_sid: String,
    pub auth_token: Secret,
    pub from: String,
}

/// The destination of text messages.
#[derive(Debug, Clone)]
pub enum SmsSettings {
    Api(SmsApi),
    Folder(PathBuf),
    /// Not configured: each is logged as not sent, its number masked.
    Nowhere,
}

/// Why a message was not sent. The reasons hold neither number nor text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SmsError {
    /// A later attempt may succeed.
    #[error("{0}")]
    TryAgain(String),
    /// This message will never be accepted.
    #[error("{0}")]
    Refused(String),
}

/// A way to send text messages.
#[async_trait]
pub trait SmsSender: Send + Sync {
    async fn send(&self, message: &TextMessage) -> Result<(), SmsError>;

    /// Whether the provider answers.
    async fn probe(&self) -> Result<(), String>;
}

/// The configured sender.
pub fn sender(settings: &SmsSettings) -> std::io::Result<Arc<dyn SmsSender>> {
    Ok(match settings {
        SmsSettings::Api(api) => Arc::new(Twilio::new(api.clone())),
        SmsSettings::Folder(folder) => Arc::new(PhoneFolder::open(folder.clone())?),
        SmsSettings::Nowhere => Arc::new(Nowhere),
    })
}

/// Sends no message, and logs that.
struct Nowhere;

#[async_trait]
impl SmsSender for Nowhere {
    async fn send(&self, message: &TextMessage) -> Result<(), SmsError> {
        tracing::warn!(to = message.to.masked(), "a text message was not sent: set SMS_BASE_URL or SMS_FOLDER");
        Ok(())
    }

    async fn probe(&self) -> Result<(), String> {
        Ok(())
    }
}
