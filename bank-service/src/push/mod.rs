//! The ways to a device: Firebase Cloud Messaging (HTTP v1), or a folder of JSON files where none is configured.

mod fcm;
mod folder;
mod grant;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use service_kit::clock::SharedClock;

pub use fcm::{Fcm, FcmSettings};
pub use folder::Folder;
pub use grant::{AccountError, ServiceAccount};

/// The text shown on a device. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The event that requested it.
    pub event_id: String,
    pub title: String,
    pub body: String,
    pub data: BTreeMap<String, String>,
}

/// Why a notification was not accepted. The reasons name no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The app is not on the device any more.
    #[error("the push service does not know the token")]
    Unregistered,
    #[error("the push service refused the notification: {0}")]
    Refused(String),
    #[error("the push service did not take the notification: {0}")]
    Transient(String),
    /// No notification can be sent at the moment; this one is not at fault.
    #[error("the push service cannot be used: {0}")]
    Unavailable(String),
}

/// Sends notifications. May send one twice: the service may have accepted one and answered too late.
#[async_trait]
pub trait PushSender: Send + Sync + 'static {
    async fn send(&self, token: &str, notification: &Notification) -> Result<(), PushError>;

    /// Whether notifications can be sent, without sending one.
    async fn probe(&self) -> Result<(), String>;
}

/// The destination of push notifications.
#[derive(Debug, Clone)]
pub enum PushSettings {
    Folder(PathBuf),
    Fcm(Box<FcmSettings>),
}

/// The configured sender.
pub fn sender(settings: &PushSettings, clock: SharedClock) -> Arc<dyn PushSender> {
    match settings {
        PushSettings::Folder(path) => Arc::new(Folder::new(path.clone())),
        PushSettings::Fcm(settings) => Arc::new(Fcm::new((**settings).clone(), clock)),
    }
}
