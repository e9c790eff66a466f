//! The errors of the store.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use service_kit::sqlite::SqliteError;

/// Driver messages for a lost connection.
pub(super) const LOSSES: &[&str] = &[
    "gone away",
    "Lost connection",
    "Connection refused",
    "Broken pipe",
    "Input/output error",
    "Server shutdown in progress",
    "disconnected by the server because of inactivity",
    "session was killed",
];

/// Driver messages for a full disk: of SQLite, and of MySQL for a table, its own files and the system's.
const FULL: &[&str] = &["is full", "Disk full", "No space left on device"];

/// The begin of a reason that the server itself gave: it was reached.
pub(super) const REFUSED: &str = "the server refuses the connection: ";

/// A failure of the store, classified by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{}", unavailable(.reason))]
    Unavailable { reason: String },
    #[error("the database's disk is full")]
    DiskFull,
    #[error("the schema cannot be migrated: {reason}")]
    Migration { reason: String },
    #[error("there is no database yet, or it has no tables: run `bank-service init` or `bank-service db upgrade`")]
    Missing,
    /// A service that must not migrate would fail at the first request.
    #[error("migrations are pending ({pending}): run `bank-service db upgrade`")]
    Outdated { pending: usize },
    #[error("the database has too much to do")]
    Busy,
    #[error("the value is taken")]
    UniqueViolation,
    #[error("a row that this one refers to does not exist, or this one is referred to")]
    ForeignKeyViolation,
    #[error("a value is out of its range")]
    CheckViolation,
    /// Try the whole operation again: a deadlock, or a lock that was not granted in time.
    #[error("the transaction lost against another one")]
    Serialization,
    /// The block of ids is used up; the transaction starts over once a new block is reserved.
    #[error("no ids left for {0:?}")]
    IdsExhausted(super::Sequence),
    /// A list accepts a filter that its query has no condition for.
    #[error("a list has no condition for its filter {0}")]
    UnknownFilter(&'static str),
    #[error("a stored value cannot be read: {what}")]
    Corrupt { what: &'static str },
    #[error("the database refused a statement")]
    Database(#[source] DieselError),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    #[error("expected sqlite:PATH, such as sqlite:./data/bank.sqlite, or mysql://USER:PASSWORD@HOST:3306/DATABASE")]
    Form,
    #[error("PostgreSQL is not supported; expected sqlite:PATH or mysql://USER:PASSWORD@HOST:3306/DATABASE")]
    Postgres,
    #[error("{reason}")]
    Parameter { reason: String },
}

impl From<DieselError> for StoreError {
    /// `MariaDB` reports a CHECK violation, a lock wait time-out and (over diesel-async) a deadlock as `Unknown`: the message
    /// decides there.
    fn from(error: DieselError) -> Self {
        let DieselError::DatabaseError(kind, info) = &error else { return Self::from_other(error) };
        match kind {
            DatabaseErrorKind::UniqueViolation => Self::UniqueViolation,
            DatabaseErrorKind::ForeignKeyViolation => Self::ForeignKeyViolation,
            DatabaseErrorKind::CheckViolation => Self::CheckViolation,
            DatabaseErrorKind::SerializationFailure => Self::Serialization,
            DatabaseErrorKind::ClosedConnection => Self::Unavailable { reason: "the connection was closed".to_owned() },
            _ => {
                let message = info.message();
                if contains_any(
                    message,
                    &["Deadlock found", "Lock wait timeout", "database is locked", "Record has changed"],
                ) {
                    Self::Serialization
                } else if message.contains("CONSTRAINT") && message.contains("failed") {
                    Self::CheckViolation
                } else if contains_any(message, FULL) {
                    Self::DiskFull
                } else if contains_any(message, LOSSES) {
                    Self::Unavailable { reason: message.to_owned() }
                } else {
                    Self::Database(error)
                }
            }
        }
    }
}

impl From<SqliteError> for StoreError {
    fn from(error: SqliteError) -> Self {
        match error {
            SqliteError::Query(error) => error.into(),
            SqliteError::Busy => Self::Busy,
            SqliteError::Panicked => Self::Corrupt { what: "the operation's state" },
            error if error.is_disk_full() => Self::DiskFull,
            error @ (SqliteError::Open { .. } | SqliteError::Commit(_) | SqliteError::Closed) => {
                Self::Unavailable { reason: error.to_string() }
            }
        }
    }
}

impl StoreError {
    fn from_other(error: DieselError) -> Self {
        match error {
            DieselError::BrokenTransactionManager => {
                Self::Unavailable { reason: "the connection broke inside a transaction".to_owned() }
            }
            error => Self::Database(error),
        }
    }

    /// A copy of the error for each of the callers whose shared query failed.
    pub(crate) fn for_each(&self) -> Self {
        match self {
            Self::Busy => Self::Busy,
            Self::Corrupt { what } => Self::Corrupt { what },
            Self::DiskFull => Self::DiskFull,
            Self::Serialization => Self::Serialization,
            Self::Unavailable { reason } => Self::Unavailable { reason: reason.clone() },
            other => Self::Unavailable { reason: other.to_string() },
        }
    }

    /// Whether the same operation may succeed if it is retried at once.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Serialization | Self::IdsExhausted(_))
    }
}

fn unavailable(reason: &str) -> String {
    if reason.starts_with(REFUSED) { reason.to_owned() } else { format!("the database cannot be reached: {reason}") }
}

fn contains_any(message: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| message.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_reported_as_such_whatever_the_engine() {
        for message in [
            "database or disk is full",
            "The table 'outbox' is full",
            "Disk full (/tmp/#sql_1); waiting for someone to free some space",
            "Error writing file 'binlog' (OS errno 28 - No space left on device)",
        ] {
            let error = DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()));
            assert!(matches!(StoreError::from(error), StoreError::DiskFull), "{message}");
        }
    }
}
