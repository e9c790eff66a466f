//! Live changes: what committed, as it commits, for whoever may see it.
//!
//! The outbox is the source: a row is there exactly if its change committed, whichever replica made it. One task per process
//! ([`hub`]) reads it while anybody listens, finds out whose each item is (`store::changes`) and hands the changes on; [`stream`]
//! writes them as server-sent events. Nothing of the audit trail and no request for a mail or a message is among them.

mod hub;
mod stream;

pub use crate::domain::change::{Change, Channel, Viewer, kind_of};
pub use hub::{Changes, Subscription};
pub use stream::{Body, StreamParts, follow};

/// Streams of one user, and of one process.
pub const MAX_PER_USER: usize = 5;
pub const MAX_STREAMS: usize = 500;
