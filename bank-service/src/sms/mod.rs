//! Text messages: what one is, and the ways to send it.
//!
//! A message waits in the outbox and in the broker sealed under `SECRET_KEY`; only the sender's consumer opens it. Neither
//! number nor text is ever logged.

mod folder;
mod twilio;

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use shared_events::UserId;

use crate::config::SmsSettings;
use crate::domain::phone::PhoneNumber;
use crate::sealing::{Place, Vault};

pub use folder::PhoneFolder;
pub use twilio::Twilio;

/// A text for one number.
pub struct TextMessage {
    pub to: PhoneNumber,
    pub text: String,
}

#[derive(Serialize, Deserialize)]
struct Plain {
    to: String,
    text: String,
}

impl TextMessage {
    /// As the event carries it, for this user only; none if it cannot be sealed.
    pub fn seal(&self, vault: &Vault, user: UserId) -> Option<String> {
        let plain = Plain { to: self.to.as_str().to_owned(), text: self.text.clone() };
        let bytes = serde_json::to_vec(&plain).ok()?;
        vault.seal(place(&user.to_string()), &bytes).ok().map(|sealed| STANDARD.encode(sealed))
    }

    /// None if it was sealed for another user, or under another key.
    pub fn open(vault: &Vault, user: UserId, sealed: &str) -> Option<Self> {
        let bytes = vault.open(place(&user.to_string()), &STANDARD.decode(sealed).ok()?).ok()?;
        let plain: Plain = serde_json::from_slice(&bytes).ok()?;
        Some(Self { to: PhoneNumber::parse(&plain.to).ok()?, text: plain.text })
    }
}

fn place(user: &str) -> Place<'_> {
    Place { table: "sms.requested", column: "sealed", row: user }
}

/// Why a message was not sent. The reasons hold neither number nor text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SmsError {
    /// It may work later.
    #[error("{0}")]
    TryAgain(String),
    /// This message will never be taken.
    #[error("{0}")]
    Refused(String),
}

/// A way to send text messages.
#[async_trait]
pub trait SmsSender: Send + Sync {
    async fn send(&self, message: &TextMessage) -> Result<(), SmsError>;

    /// Is the other side there?
    async fn probe(&self) -> Result<(), String>;
}

/// The sender that the configuration asks for.
pub fn sender(settings: &SmsSettings) -> std::io::Result<Arc<dyn SmsSender>> {
    Ok(match settings {
        SmsSettings::Api(api) => Arc::new(Twilio::new(api.clone())),
        SmsSettings::Folder(folder) => Arc::new(PhoneFolder::open(folder.clone())?),
        SmsSettings::Nowhere => Arc::new(Nowhere),
    })
}

/// Without configuration messages go nowhere, and the log says so.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_message_opens_for_its_user_only() {
        let (vault, user) = (Vault::try_new("one").unwrap(), UserId::try_new(2).unwrap());
        let message = TextMessage { to: PhoneNumber::parse("+4915112345678").unwrap(), text: "123456".to_owned() };
        let sealed = message.seal(&vault, user).unwrap();
        assert!(!sealed.contains("123456"));
        let opened = TextMessage::open(&vault, user, &sealed).unwrap();
        assert_eq!((opened.to.as_str(), opened.text.as_str()), ("+4915112345678", "123456"));
        assert!(TextMessage::open(&vault, UserId::try_new(3).unwrap(), &sealed).is_none());
        assert!(TextMessage::open(&Vault::try_new("two").unwrap(), user, &sealed).is_none());
    }
}
