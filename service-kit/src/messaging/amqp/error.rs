//! Errors of a broker, each in one line and without a password.

use std::time::Duration;

use lapin::ErrorKind;

use crate::messaging::AmqpSettings;

const ACCESS_REFUSED: u16 = 403;
const NOT_FOUND: u16 = 404;
const PRECONDITION_FAILED: u16 = 406;
const NOT_ALLOWED: u16 = 530;
/// A broker's text is cut to this many characters.
const MAX_REASON: usize = 300;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmqpError {
    #[error("not a broker's address: {reason}; expected such as amqp://user:password@host:5672/vhost")]
    Uri { reason: String },
    #[error("{endpoint} cannot be reached: {reason}")]
    Unreachable { endpoint: String, reason: String },
    #[error("{endpoint} shows a certificate that is not believed: {reason}; is AMQP_CA_FILE missing?")]
    Untrusted { endpoint: String, reason: String },
    #[error("{endpoint} did not answer within {} ms while {doing}", limit.as_millis())]
    TimedOut { endpoint: String, doing: String, limit: Duration },
    #[error("{endpoint} refused the login of user {user:?}")]
    LoginRefused { endpoint: String, user: String },
    #[error("{endpoint} has no such virtual host, or not for user {user:?}: {reason}")]
    VirtualHost { endpoint: String, user: String, reason: String },
    #[error("{endpoint} forbids user {user:?} {doing}: {reason}")]
    Forbidden { endpoint: String, user: String, doing: String, reason: String },
    #[error(
        "{endpoint} has what is needed with other properties, found while {doing}: {reason}; remove it or use another name"
    )]
    Differs { endpoint: String, doing: String, reason: String },
    #[error("{endpoint} lacks something, found while {doing}: {reason}")]
    Missing { endpoint: String, doing: String, reason: String },
    #[error("the connection to {endpoint} was lost while {doing}: {reason}")]
    Lost { endpoint: String, doing: String, reason: String },
}

impl AmqpError {
    /// An error of a request on a connection that is open.
    pub(super) fn of_request(error: &lapin::Error, settings: &AmqpSettings, doing: &str) -> Self {
        let (endpoint, user, doing) = (settings.endpoint(), settings.user().to_owned(), doing.to_owned());
        let reason = reason(error);
        match code(error) {
            Some(ACCESS_REFUSED) => Self::Forbidden { endpoint, user, doing, reason },
            Some(NOT_FOUND) => Self::Missing { endpoint, doing, reason },
            Some(PRECONDITION_FAILED) => Self::Differs { endpoint, doing, reason },
            _ => Self::Lost { endpoint, doing, reason },
        }
    }

    /// An error of opening a connection.
    pub(super) fn of_connecting(error: &lapin::Error, settings: &AmqpSettings) -> Self {
        let (endpoint, user) = (settings.endpoint(), settings.user().to_owned());
        let reason = reason(error);
        match code(error) {
            Some(ACCESS_REFUSED) => Self::LoginRefused { endpoint, user },
            Some(NOT_ALLOWED) => Self::VirtualHost { endpoint, user, reason },
            _ if is_untrusted(error) => Self::Untrusted { endpoint, reason },
            _ => Self::Unreachable { endpoint, reason },
        }
    }

    pub(super) fn lost(settings: &AmqpSettings, doing: &str, reason: impl Into<String>) -> Self {
        Self::Lost { endpoint: settings.endpoint(), doing: doing.to_owned(), reason: reason.into() }
    }
}

/// Whether the broker's certificate is at fault.
fn is_untrusted(error: &lapin::Error) -> bool {
    let ErrorKind::IOError(error) = error.kind() else { return false };
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_))) || error.to_string().contains("peer certificate")
}

/// Whether the broker forbade a request, or lacks its object. That closes the request's channel, whose users get errors of
/// their own; the connection and its other channels continue.
pub(super) fn is_refusal(error: &lapin::Error) -> bool {
    matches!(code(error), Some(ACCESS_REFUSED | NOT_FOUND))
}

/// The broker's code, if the error comes from the broker.
fn code(error: &lapin::Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some(error.get_id()),
        _ => None,
    }
}

/// One line of bounded length.
fn reason(error: &lapin::Error) -> String {
    let text = match error.kind() {
        ErrorKind::ProtocolError(error) => error.get_message().to_string(),
        ErrorKind::IOError(error) => error.to_string(),
        _ => error.to_string(),
    };
    text.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect()
}
