//! A reader's selection and its visibility. A store combines both in one query, so it reads only entries that it may show.

use chrono::{DateTime, Utc};
use shared_events::{UserId, sides};

use super::LogEntry;

/// The entries that a reader may see. Every read of a store carries one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Admins and managers: all entries.
    Staff,
    /// A user: the entries of the events that the user caused, or owns a side of.
    Own(UserId),
}

impl Visibility {
    /// A visible entry as the reader may see it. Of an event with sides a user sees its own half, and not who else caused it.
    #[must_use]
    pub fn show(self, mut entry: LogEntry) -> LogEntry {
        let Self::Own(user) = self else { return entry };
        if sides::has_sides(entry.event_type.as_str()) {
            entry.data = sides::shown_to(&entry.data, Some(user));
            entry.user_id = entry.user_id.filter(|cause| *cause == user);
        }
        entry
    }
}

/// The selected entries; all conditions apply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The user who caused the event. Other users than the reader are found by staff only.
    pub user_id: Option<UserId>,
    pub event_type: Option<String>,
    pub source: Option<String>,
    /// At or after this date of the event.
    pub from: Option<DateTime<Utc>>,
    /// At or before this date of the event.
    pub to: Option<DateTime<Utc>>,
    /// Part of the message or of the data, in any case; only of what every reader of the entry may see.
    pub text: Option<String>,
}

/// The order of ids, which is the order in which entries were recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    Ascending,
    /// Newest first.
    Descending,
}

/// A filter with the reader's visibility.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    pub visibility: Visibility,
    pub filter: Filter,
}
