//! SQLite for services that keep their own small store.
//!
//! One writer thread commits in groups ([`Writer`]); any number of readers look on ([`Readers`]). WAL, so that they do not
//! wait for each other; `synchronous=FULL`, so that what is answered is on the disk.

mod foreign;
mod open;
mod readers;
mod writer;

pub use foreign::refuse_foreign;
pub use open::{Role, finish, open, pragmas};
pub use readers::Readers;
pub use writer::{Hooks, Writer};

#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    #[error("the database {path} cannot be opened: {reason}")]
    Open { path: String, reason: String },
    /// The work itself failed; nothing of it was kept.
    #[error("the database refused the work")]
    Query(#[from] diesel::result::Error),
    /// The group's commit failed; nothing of it was kept.
    #[error("the database could not commit: {0}")]
    Commit(String),
    #[error("the work panicked; nothing of it was kept")]
    Panicked,
    /// The queue is full, or no connection came free in time.
    #[error("the database is busy")]
    Busy,
    #[error("the database is closed")]
    Closed,
}
