//! Live changes: committed changes, as they commit, for the callers who may see them.
//!
//! The outbox is the source: it has a row exactly if the change committed, on whichever replica. One task per process
//! ([`hub`]) reads it while a stream is open, finds the owner of each item (`store::changes`) and hands the changes on;
//! [`stream`] writes them as server-sent events. The audit trail and requests for mails or messages are not among them.

mod hub;
mod stream;

pub use crate::domain::change::{Change, Channel, ItemChange, Viewer, kind_of};
pub use hub::{Changes, Subscription};
pub use stream::{Body, StreamParts, follow};

/// Limit of open streams per user.
pub const MAX_PER_USER: usize = 5;
pub const MAX_STREAMS: usize = 500;
