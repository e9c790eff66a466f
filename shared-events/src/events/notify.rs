//! Text messages and push notifications that an operation requests. bank-service consumes them itself, from queues of their
//! own, so that they are sent outside of the request and with retries. Neither is ever logged.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Destination, Handling, Secrecy, declare_events, example_id};
use crate::ids::UserId;
use crate::routing::{PUSH_QUEUE, SMS_QUEUE};

/// A request for one text message. Number and text can be read by bank-service only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SmsRequest {
    pub user_id: UserId,
    /// The number, masked: `+49*******12`.
    pub to: String,
    /// Number and text, sealed under the sender's key.
    pub sealed: String,
}

/// A request for one push notification to one device, whose push token stays in bank-service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PushRequest {
    pub user_id: UserId,
    /// The id that the device was registered under.
    pub device: i64,
    pub title: String,
    pub body: String,
    /// Facts for the program on the device. Never a secret.
    pub data: BTreeMap<String, String>,
}

declare_events! {
    NOTIFY:
    SmsRequested(SmsRequest) = "sms.requested",
        Handling {
            secrecy: Secrecy::Secret { field: "sealed", shown: &["user_id"] },
            destination: Destination::Own(SMS_QUEUE),
            expires_ms: Some(10 * 60 * 1000),
            live: None,
        },
        "An operation needs a text message. Consumed by bank-service only.",
        |request| format!("Text message requested for user {}", request.user_id),
        SmsRequest { user_id: example_id(2), to: "+49*******12".to_owned(), sealed: "c2VhbGVk".to_owned() };
    PushRequested(PushRequest) = "push.requested",
        Handling {
            secrecy: Secrecy::Private { shown: &["user_id", "device"] },
            destination: Destination::Own(PUSH_QUEUE),
            expires_ms: None,
            live: None,
        },
        "An operation needs a push notification. Consumed by bank-service only.",
        |request| format!("Push notification requested for user {}", request.user_id),
        PushRequest {
            user_id: example_id(2),
            device: 1,
            title: "New login".to_owned(),
            body: "Somebody logged in to your account.".to_owned(),
            data: BTreeMap::from([("kind".to_owned(), "login".to_owned())]),
        };
}
