//! The domain: log entries, their visibility and their selection. Pure: no store, no HTTP, no clock.

mod access;
mod edit;
mod entry;
mod expected;
mod fingerprint;
mod selection;

pub use access::{Access, Right};
pub use edit::{Edit, Edited, Editor, is_append_only};
pub use entry::{
    Changes, EntryError, LogEntry, LogId, LogIdError, MAX_CONTENT_BYTES, MAX_MESSAGE_CHARS, NewLogEntry,
    example_new_log,
};
pub use expected::Expected;
pub use fingerprint::Fingerprint;
pub use selection::{Filter, Order, Selection, Visibility};
