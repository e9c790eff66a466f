//! The services' knowledge of the events of one type, declared once, beside its facts. Redaction, bindings, the journey, live
//! changes and the documents follow from it.

#[cfg(feature = "schema")]
use super::documented::Documented;

/// A type of events.
#[derive(Debug, Clone, Copy)]
pub struct EventSpec {
    /// The routing key: `<entity>.<past verb>`.
    pub event_type: &'static str,
    /// The event, in one sentence.
    pub about: &'static str,
    pub handling: Handling,
    #[cfg(feature = "schema")]
    pub(crate) documented: Documented,
}

/// How the events of a type are handled. No field has a default, so an event whose secrecy is not stated does not compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handling {
    pub secrecy: Secrecy,
    pub destination: Destination,
    /// Milliseconds after which an event is of no use: the links and codes in it last no longer.
    pub expires_ms: Option<u32>,
    /// The channel of live changes that shows it, and as what.
    pub live: Option<(&'static str, Verb)>,
}

/// Which facts of an event may be kept and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// All.
    Public,
    /// None is ever logged. Operators see these fields, and `to` masked.
    Private { shown: &'static [&'static str] },
    /// The same, and `field` is removed from every message that is kept.
    Secret { field: &'static str, shown: &'static [&'static str] },
}

/// The destination of the events of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// In the log.
    Log,
    /// In the log, and as a mail.
    LogAndMail,
    /// As a mail, which email-service confirms; in the log once the mail server has accepted it.
    MailThenLog,
    /// As a mail, which email-service confirms.
    Mail,
    /// In a queue of bank-service, which keeps no record of them.
    Own(&'static str),
    /// In the queue that the confirmed event names; email-service publishes them.
    Reply,
}

/// The kind of a live change; the name of the server-sent event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Create,
    Update,
    Delete,
}

impl Verb {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// Public facts that are logged, do not expire and are no live change.
pub(crate) const PUBLIC: Handling =
    Handling { secrecy: Secrecy::Public, destination: Destination::Log, expires_ms: None, live: None };

impl Handling {
    pub(crate) const fn live(self, channel: &'static str, verb: Verb) -> Self {
        Self { live: Some((channel, verb)), ..self }
    }

    pub(crate) const fn to(self, destination: Destination) -> Self {
        Self { destination, ..self }
    }
}

impl EventSpec {
    /// The part of the type before the first dot.
    pub fn entity(&self) -> &'static str {
        self.event_type.split('.').next().unwrap_or_default()
    }

    pub fn is_public(&self) -> bool {
        self.handling.secrecy == Secrecy::Public
    }

    /// Whether it ends in the log.
    pub fn is_logged(&self) -> bool {
        self.is_sent_to_log() || self.handling.destination == Destination::MailThenLog
    }

    /// Whether log-service takes it from the exchange.
    pub fn is_sent_to_log(&self) -> bool {
        matches!(self.handling.destination, Destination::Log | Destination::LogAndMail)
    }

    /// Whether email-service sends a mail for it.
    pub fn is_mailed(&self) -> bool {
        self.is_confirmed() || self.handling.destination == Destination::LogAndMail
    }

    /// Whether it asks for a confirmation on the reply queue.
    pub fn is_confirmed(&self) -> bool {
        matches!(self.handling.destination, Destination::MailThenLog | Destination::Mail)
    }

    /// Whether it is a confirmation, which goes to the reply queue and not to the exchange.
    pub fn is_reply(&self) -> bool {
        self.handling.destination == Destination::Reply
    }

    /// The field of its data that holds a secret.
    pub fn secret_field(&self) -> Option<&'static str> {
        match self.handling.secrecy {
            Secrecy::Secret { field, .. } => Some(field),
            Secrecy::Public | Secrecy::Private { .. } => None,
        }
    }

    /// The fields of a private event that operators see.
    pub fn shown(&self) -> &'static [&'static str] {
        match self.handling.secrecy {
            Secrecy::Private { shown } | Secrecy::Secret { shown, .. } => shown,
            Secrecy::Public => &[],
        }
    }

    pub fn publisher(&self) -> &'static str {
        if self.is_reply() { "email-service" } else { "bank-service" }
    }
}
