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

/// The members that the driver knows, and the remedy. Nothing else of its text, which has errors in the form of source code.
fn unreachable_primary(message: &str) -> String {
    let members = message.split_once("Topology: ").map_or(message, |(_, members)| members);
    let remedy = if members.to_lowercase().contains("rsghost") {
        "the replica set is not initiated: run rs.initiate() once"
    } else if members.contains("peer certificate") {
        "the server's certificate is not trusted: is tlsCAFile missing in the URI?"
    } else if !members.contains("Address: ") {
        "is replicaSet in the URI the name of the set?"
    } else if members.contains("Connection refused") {
        "the connection is refused: is MongoDB running there?"
    } else {
        "is MongoDB running, and can it be reached from here by that address?"
    };
    let addresses = members.split("Address: ").skip(1).filter_map(|member| member.split([',', ' ']).next());
    let addresses = one_line(&addresses.collect::<Vec<_>>().join(", "));
    let at = if addresses.is_empty() { String::new() } else { format!(" at {addresses}") };
    format!("no primary is reachable{at}; {remedy}")
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A member that the driver cannot reach, as its text has it.
    fn member(address: &str, error: &str) -> String {
        format!(
            "{{ Address: {address}, Type: Unknown, Error: Kind: {error}, labels: {{}}, source: Some(Error {{ kind: \
             ServerSelection {{ message: \"x\" }}, wire_version: None }}), server response: None }}"
        )
    }

    fn shown(members: &[String]) -> String {
        let servers = if members.is_empty() { String::new() } else { format!(", Servers: [ {} ]", members.join(", ")) };
        let topology = format!("{{ Type: ReplicaSetNoPrimary, Set Name: rs0{servers} }}");
        unreachable_primary(&format!("Server selection timeout: No available servers. Topology: {topology}"))
    }

    #[test]
    fn a_server_that_is_not_there_is_reported_in_a_sentence_with_its_address_and_the_remedy() {
        let silent = "I/O error: timed out";
        for (members, at, remedy) in [
            (
                vec![member("a:1", "I/O error: Connection refused (os error 111)")],
                " at a:1",
                "the connection is refused: is MongoDB running there?",
            ),
            (
                vec![member("a:1", silent), member("[::1]:2", silent)],
                " at a:1, [::1]:2",
                "is MongoDB running, and can it be reached from here by that address?",
            ),
            (
                vec![member("a:1", "invalid peer certificate: UnknownIssuer")],
                " at a:1",
                "the server's certificate is not trusted: is tlsCAFile missing in the URI?",
            ),
            (
                vec!["{ Address: a:1, Type: RsGhost, Max Wire Version: 21 }".to_owned()],
                " at a:1",
                "the replica set is not initiated: run rs.initiate() once",
            ),
            (Vec::new(), "", "is replicaSet in the URI the name of the set?"),
        ] {
            assert_eq!(shown(&members), format!("no primary is reachable{at}; {remedy}"));
        }
    }
}
