//! The driver's errors, each in one plain sentence: its own texts have errors in the form of source code. No sentence contains a
//! secret or the content of a record.

use mongodb::error::{Error, ErrorKind, WriteFailure};

const AUTHENTICATION_FAILED: i32 = 18;

/// An error of the driver, shown as a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{}", sentence(.0))]
pub(super) struct DriverError(pub(super) Error);

fn sentence(error: &Error) -> String {
    lasting(error).unwrap_or_else(|| match &*error.kind {
        ErrorKind::ServerSelection { .. } => {
            "no primary is reachable; is MongoDB running there, and is replicaSet the name of its set?".to_owned()
        }
        ErrorKind::Io(error) => format!("the connection failed: {error}; is MongoDB running?"),
        ErrorKind::DnsResolve { message, .. } => format!("the host cannot be resolved: {message}"),
        // Of the options only.
        ErrorKind::InvalidArgument { message, .. } => message.clone(),
        // The server's text may quote the record.
        ErrorKind::Command(command) => format!("the server refused: {} ({})", command.code_name, command.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(fault)) => {
            format!("a majority did not confirm: {} ({})", fault.code_name, fault.code)
        }
        ErrorKind::Write(WriteFailure::WriteError(fault)) => format!("the write was refused ({})", fault.code),
        _ => "the driver gave up".to_owned(),
    })
}

/// The sentence of an error that no waiting mends.
pub(super) fn lasting(error: &Error) -> Option<String> {
    let refused = || "the server refused the user name or the password (is authSource right?)".to_owned();
    match &*error.kind {
        ErrorKind::Authentication { .. } => Some(refused()),
        ErrorKind::Command(command) if command.code == AUTHENTICATION_FAILED => Some(refused()),
        ErrorKind::InvalidTlsConfig { message, .. } => Some(format!("TLS: {message}")),
        // The driver reports certificates only in its list of the members.
        ErrorKind::ServerSelection { message, .. } if message.contains("peer certificate") => {
            Some("the server's certificate is not trusted; is tlsCAFile missing in the URI?".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_error_is_shown_as_a_sentence_and_not_in_the_drivers_form() {
        let error = DriverError(Error::from(io::Error::other("refused")));
        assert_eq!(error.to_string(), "the connection failed: refused; is MongoDB running?");
        assert!(std::error::Error::source(&error).is_none(), "the driver's own text would follow");
        assert_eq!(DriverError(Error::custom("x")).to_string(), "the driver gave up");
    }
}
