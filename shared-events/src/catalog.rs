//! The list of all events, over which the documents, the golden files and the tests iterate.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::envelope::Envelope;
use crate::events::{self, Event, example_id};
use crate::ids::EventId;
use crate::routing::{
    ACK_QUEUE, EMAIL_PATTERNS, EMAIL_QUEUE, EventType, LOG_PATTERNS, LOG_QUEUE, PUSH_PATTERNS, PUSH_QUEUE, Pattern,
    SMS_PATTERNS, SMS_QUEUE, is_confirmed,
};

/// The services that publish and listen.
pub const BANK_SERVICE: &str = "bank-service";
pub const LOG_SERVICE: &str = "log-service";
pub const EMAIL_SERVICE: &str = "email-service";

/// Events that are confirmations: published to the reply queue, by email-service.
pub(crate) const REPLIES: &[&str] = &["email.sent", "email.rejected"];

/// Who binds what to the exchange, unless told otherwise.
const LISTENERS: &[(&str, &str, &[&str])] = &[
    (EMAIL_SERVICE, EMAIL_QUEUE, EMAIL_PATTERNS),
    (LOG_SERVICE, LOG_QUEUE, LOG_PATTERNS),
    (BANK_SERVICE, SMS_QUEUE, SMS_PATTERNS),
    (BANK_SERVICE, PUSH_QUEUE, PUSH_PATTERNS),
];

/// What is known about one event.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub event_type: &'static str,
    /// What happened, in one sentence.
    pub about: &'static str,
    schema: fn() -> Value,
    example: fn() -> Result<Envelope, serde_json::Error>,
}

/// Who hears an event, and on which queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    pub service: &'static str,
    pub queue: &'static str,
}

impl Entry {
    /// JSON Schema of the event's `data`, as it is published.
    pub fn data_schema(&self) -> Value {
        (self.schema)()
    }

    /// A complete event that never changes: the golden file is its wire form.
    pub fn example(&self) -> Result<Envelope, serde_json::Error> {
        (self.example)()
    }

    /// Whether the event asks for a confirmation on the reply queue.
    pub fn is_confirmed(&self) -> bool {
        is_confirmed(self.event_type)
    }

    /// Whether the event is a confirmation, which goes to the reply queue and not to the exchange.
    pub fn is_reply(&self) -> bool {
        REPLIES.contains(&self.event_type)
    }

    pub fn publisher(&self) -> &'static str {
        if self.is_reply() { EMAIL_SERVICE } else { BANK_SERVICE }
    }

    /// Who listens, with the default bindings.
    pub fn listeners(&self) -> Vec<Listener> {
        if self.is_reply() {
            return vec![Listener { service: BANK_SERVICE, queue: ACK_QUEUE }];
        }
        LISTENERS
            .iter()
            .copied()
            .filter(|(_, _, patterns)| patterns.iter().any(|pattern| Pattern::new(pattern).matches(self.event_type)))
            .map(|(service, queue, _)| Listener { service, queue })
            .collect()
    }
}

/// Every event there is, grouped by entity.
pub const EVENTS: &[Entry] = &[
    entry::<events::AccountCreated>(),
    entry::<events::AccountUpdated>(),
    entry::<events::AccountDeleted>(),
    entry::<events::BankCreated>(),
    entry::<events::BankUpdated>(),
    entry::<events::BankDeleted>(),
    entry::<events::BranchCreated>(),
    entry::<events::BranchUpdated>(),
    entry::<events::BranchDeleted>(),
    entry::<events::CardCreated>(),
    entry::<events::CardUpdated>(),
    entry::<events::CardDeleted>(),
    entry::<events::CityCreated>(),
    entry::<events::CityUpdated>(),
    entry::<events::CityDeleted>(),
    entry::<events::ClientCreated>(),
    entry::<events::ClientUpdated>(),
    entry::<events::ClientDeleted>(),
    entry::<events::EmailRequested>(),
    entry::<events::EmailSent>(),
    entry::<events::EmailRejected>(),
    entry::<events::RoleCreated>(),
    entry::<events::RoleUpdated>(),
    entry::<events::RoleDeleted>(),
    entry::<events::LoginSucceeded>(),
    entry::<events::LoginFailed>(),
    entry::<events::LoggedOut>(),
    entry::<events::SessionsEnded>(),
    entry::<events::RefreshTokenReused>(),
    entry::<events::RefreshTokenSpent>(),
    entry::<events::RolesChanged>(),
    entry::<events::UserBlocked>(),
    entry::<events::UserUnblocked>(),
    entry::<events::PasswordRehashed>(),
    entry::<events::KeysRotated>(),
    entry::<events::AccountLocked>(),
    entry::<events::PasswordChanged>(),
    entry::<events::PasswordResetRequested>(),
    entry::<events::PasswordReset>(),
    entry::<events::EmailVerified>(),
    entry::<events::EmailChangeRequested>(),
    entry::<events::EmailChanged>(),
    entry::<events::MfaEnabled>(),
    entry::<events::MfaDisabled>(),
    entry::<events::MfaFailed>(),
    entry::<events::RecoveryCodesMade>(),
    entry::<events::RecoveryCodeUsed>(),
    entry::<events::SocialLinked>(),
    entry::<events::SocialUnlinked>(),
    entry::<events::PhoneVerified>(),
    entry::<events::DeviceRegistered>(),
    entry::<events::DeviceRemoved>(),
    entry::<events::SmsRequested>(),
    entry::<events::PushRequested>(),
    entry::<events::SocialStatusCreated>(),
    entry::<events::SocialStatusUpdated>(),
    entry::<events::SocialStatusDeleted>(),
    entry::<events::UserCreated>(),
    entry::<events::UserImported>(),
    entry::<events::UserUpdated>(),
    entry::<events::UserDeleted>(),
];

/// The entry of an event type; none if the type is not one of ours.
pub fn find(event_type: &EventType) -> Option<&'static Entry> {
    EVENTS.iter().find(|entry| entry.event_type == event_type.as_str())
}

const fn entry<E: Event + JsonSchema>() -> Entry {
    Entry { event_type: E::TYPE, about: E::ABOUT, schema: data_schema::<E>, example: example::<E> }
}

/// The schema of what is published, so every field of the type is required; nothing is referred to elsewhere.
fn data_schema<E: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| settings.inline_subschemas = true);
    let mut schema = E::json_schema(&mut settings.into_generator()).to_value();
    // The event has its own title and description; those of the facts' type would repeat them.
    if let Some(object) = schema.as_object_mut() {
        object.remove("title");
    }
    schema
}

fn example<E: Event>() -> Result<Envelope, serde_json::Error> {
    let bank_event = EventId(uuid::Uuid::from_u128(0x0194_7018_43d0_7000_8000_0000_0000_0001));
    let date = DateTime::<Utc>::from_timestamp(1_737_047_426, 0).unwrap_or_default();
    if REPLIES.contains(&E::TYPE) {
        let reply = Envelope::new(bank_event.derive(E::TYPE), "urn:email-service", None, date, &E::example())?;
        return Ok(reply.with_correlation_id("req-7f3a"));
    }
    let event = Envelope::new(bank_event, "urn:bank-service", Some(example_id(1)), date, &E::example())?
        .with_correlation_id("req-7f3a")
        .with_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    Ok(if is_confirmed(E::TYPE) { event.with_reply_to(ACK_QUEUE) } else { event })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_type_of_its_own_that_parses() {
        let mut seen = std::collections::BTreeSet::new();
        for entry in EVENTS {
            let event_type: EventType = entry.event_type.parse().unwrap();
            assert!(seen.insert(entry.event_type), "{event_type} is there twice");
            assert_eq!(find(&event_type).map(|found| found.about), Some(entry.about));
        }
    }

    #[test]
    fn the_catalogue_has_every_event_that_is_declared() {
        let sources = [
            include_str!("events/account.rs"),
            include_str!("events/card.rs"),
            include_str!("events/directory.rs"),
            include_str!("events/email.rs"),
            include_str!("events/notify.rs"),
            include_str!("events/security.rs"),
            include_str!("events/user.rs"),
        ];
        let quoted = sources.iter().flat_map(|source| source.split('"').skip(1).step_by(2));
        let named: Vec<&str> = EVENTS.iter().map(|entry| entry.event_type).collect();
        let declared: Vec<&str> =
            quoted.filter(|text| text.starts_with(char::is_alphabetic) && text.parse::<EventType>().is_ok()).collect();
        assert!(declared.len() >= named.len());
        assert!(declared.iter().all(|kind| named.contains(kind)), "{declared:?}");
    }

    #[test]
    fn bank_created_is_never_logged_before_its_mail_was_accepted() {
        let listeners = |kind: &str| find(&kind.parse().unwrap()).unwrap().listeners();
        let services = |kind: &str| listeners(kind).iter().map(|listener| listener.service).collect::<Vec<_>>();
        assert_eq!(services("bank.created"), [EMAIL_SERVICE]);
        assert_eq!(services("email.requested"), [EMAIL_SERVICE]);
        assert_eq!(services("account.created"), [EMAIL_SERVICE, LOG_SERVICE]);
        assert_eq!(services("card.deleted"), [LOG_SERVICE]);
        assert_eq!(listeners("email.sent"), [Listener { service: BANK_SERVICE, queue: ACK_QUEUE }]);
    }

    #[test]
    fn every_event_has_a_subscriber() {
        for entry in EVENTS {
            assert!(!entry.listeners().is_empty(), "{}", entry.event_type);
        }
    }
}
