//! The errors between the store and MongoDB, in one line each, without content and without secrets.
//!
//! Every call has a time limit of its own: the driver has none for a server that accepts a request and then sends nothing.

use std::future::IntoFuture;
use std::time::Duration;

use mongodb::error::{Error, ErrorKind, WriteFailure};

use crate::store::StoreError;

/// The longest time of one command, with the way to the server and back.
pub(super) const COMMAND_LIMIT: Duration = Duration::from_secs(5);
/// The server's own time limit for a read; below [`COMMAND_LIMIT`], so that it stops before its client has given up.
pub(super) const READ_LIMIT: Duration = Duration::from_secs(4);

const MAX_TEXT_CHARS: usize = 300;
const UNAUTHORIZED: i32 = 13;
const AUTHENTICATION_FAILED: i32 = 18;
const MAX_TIME_EXPIRED: i32 = 50;

/// A failed call; cloned to every caller whose entries were in it.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum MongoError {
    #[error("{0}")]
    Busy(String),
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    Corrupt(String),
}

impl From<Error> for MongoError {
    fn from(error: Error) -> Self {
        match *error.kind {
            ErrorKind::Command(ref command) if command.code == MAX_TIME_EXPIRED => {
                Self::Busy("a read took too long; narrow its filters".to_owned())
            }
            ErrorKind::BsonDeserialization(_) | ErrorKind::Bson(_) => {
                Self::Corrupt("a document of another shape".to_owned())
            }
            _ => Self::Unavailable(describe(&error)),
        }
    }
}

impl From<MongoError> for StoreError {
    fn from(error: MongoError) -> Self {
        match error {
            MongoError::Busy(text) => Self::Busy(text),
            MongoError::Corrupt(text) => Self::Corrupt(text),
            MongoError::Unavailable(_) => Self::Unavailable(Box::new(error)),
        }
    }
}

/// Waits for a call, no longer than its limit. A call that is dropped may still take effect.
pub(super) async fn limited<T, E: Into<MongoError>>(
    call: impl IntoFuture<Output = Result<T, E>>,
) -> Result<T, MongoError> {
    within(COMMAND_LIMIT, call).await
}

/// The same with a limit of the caller's.
pub(super) async fn within<T, E: Into<MongoError>>(
    limit: Duration,
    call: impl IntoFuture<Output = Result<T, E>>,
) -> Result<T, MongoError> {
    match tokio::time::timeout(limit, call.into_future()).await {
        Ok(result) => result.map_err(Into::into),
        Err(_) => Err(MongoError::Unavailable(format!("no answer within {} s", limit.as_secs()))),
    }
}

/// One line about a fault. A refused command shows its code only: its text may quote the written data.
pub(super) fn describe(error: &Error) -> String {
    match *error.kind {
        ErrorKind::Authentication { .. } => refused_login(),
        ErrorKind::Command(ref command) => of_code(command.code, &command.code_name),
        ErrorKind::ServerSelection { ref message, .. } => unreachable_primary(message),
        ErrorKind::Io(ref error) => format!("the connection failed: {}", one_line(&error.to_string())),
        ErrorKind::DnsResolve { ref message, .. } => format!("the host cannot be resolved: {}", one_line(message)),
        ErrorKind::InvalidTlsConfig { ref message, .. } => format!("TLS: {}", one_line(message)),
        ErrorKind::Write(WriteFailure::WriteConcernError(ref fault)) => {
            format!("a majority did not confirm: {} ({})", fault.code_name, fault.code)
        }
        ErrorKind::Write(WriteFailure::WriteError(ref fault)) => format!("the write was refused ({})", fault.code),
        ErrorKind::InsertMany(ref fault) => match (&fault.write_concern_error, &fault.write_errors) {
            (Some(fault), _) => format!("a majority did not confirm: {} ({})", fault.code_name, fault.code),
            (None, Some(faults)) => {
                format!("the insert was refused ({})", faults.first().map_or(0, |fault| fault.code))
            }
            (None, None) => "the insert was refused".to_owned(),
        },
        // Of the options only; the secret parts of the URI have been parsed by then.
        ErrorKind::InvalidArgument { ref message, .. } => one_line(message),
        ErrorKind::ConnectionPoolCleared { .. } => "the connection was lost".to_owned(),
        _ => "the driver gave up".to_owned(),
    }
}

/// The members as the driver sees them, with the remedy where it is known.
fn unreachable_primary(message: &str) -> String {
    let members = message.split_once("Topology: ").map_or(message, |(_, members)| members);
    let hint = if members.to_lowercase().contains("rsghost") {
        " (the replica set is not initiated: run rs.initiate() once)"
    } else if members.contains("peer certificate") {
        " (the server's certificate is not believed: is tlsCAFile missing in the URI?)"
    } else if !members.contains("Address: ") {
        " (is replicaSet in the URI the name of the set?)"
    } else {
        ""
    };
    format!("no primary is reachable{hint}: {}", one_line(members))
}

fn of_code(code: i32, name: &str) -> String {
    match code {
        AUTHENTICATION_FAILED => refused_login(),
        UNAUTHORIZED => "the user lacks a right: it needs the role readWrite on the database".to_owned(),
        _ => format!("the server refused: {name} ({code})"),
    }
}

fn refused_login() -> String {
    "the server refused the user name or the password (is authSource right?)".to_owned()
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT_CHARS).collect()
}
