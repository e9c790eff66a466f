//! Mail that an operation requests, and the mail server's final answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Destination, Handling, Secrecy, declare_events, example_id};
use crate::ids::EventId;

/// A request for one mail. Its parameters may hold a link or a code, so it is never logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EmailRequest {
    /// The name of the template.
    pub template: String,
    /// The recipient's address.
    pub to: String,
    /// The values that the template fills in.
    pub params: BTreeMap<String, String>,
}

/// The mail server's final answer about the mail of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EmailReport {
    pub event_id: EventId,
    pub event_type: String,
    /// The recipients, masked: `j***@example.com`.
    pub recipients: Vec<String>,
    /// The mail's Message-ID header; null where none was sent.
    pub message_id: Option<String>,
    /// Why it was refused; null where it was accepted.
    pub reason: Option<String>,
}

fn report(reason: Option<&str>) -> EmailReport {
    EmailReport {
        event_id: EventId(uuid::Uuid::from_u128(0x0194_7018_43d0_7000_8000_0000_0000_0001)),
        event_type: "bank.created".to_owned(),
        recipients: vec!["o***@example.com".to_owned()],
        message_id: reason.is_none().then(|| "<01947018-43d0-7000-8000-000000000001@bank.example>".to_owned()),
        reason: reason.map(str::to_owned),
    }
}

const REPORT: Handling = Handling {
    secrecy: Secrecy::Private { shown: &["event_id", "event_type", "message_id", "recipients", "reason"] },
    destination: Destination::Reply,
    expires_ms: None,
    live: None,
};

declare_events! {
    EMAIL:
    EmailRequested(EmailRequest) = "email.requested",
        Handling {
            secrecy: Secrecy::Secret { field: "params", shown: &["template"] },
            destination: Destination::Mail,
            expires_ms: Some(24 * 60 * 60 * 1000),
            live: None,
        },
        "An operation needs a mail. Consumed by email-service only.",
        |request| format!("Email requested: {}", request.template),
        EmailRequest {
            template: "verify-email".to_owned(),
            to: "john.doe@example.com".to_owned(),
            params: BTreeMap::from([("user_id".to_owned(), example_id::<crate::ids::UserId>(2).to_string())]),
        };
    EmailSent(EmailReport) = "email.sent", REPORT, "The mail server has accepted the mail of an event.",
        |report| format!("Email sent for event {}", report.event_id), report(None);
    EmailRejected(EmailReport) = "email.rejected", REPORT, "The mail server has refused the mail of an event for good.",
        |report| format!("Email rejected for event {}", report.event_id), report(Some("550 mailbox unavailable"));
}
