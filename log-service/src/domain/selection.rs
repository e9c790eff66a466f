//! A reader's selection and its visibility. A store combines both in one query, so it reads only entries that it may show.

use chrono::{DateTime, Utc};
use shared_events::UserId;

use super::LogEntry;

/// The entries that a reader may see. Every read of a store carries one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Admins and managers: all entries.
    Staff,
    /// A user: the entries of the events that the user caused.
    Own(UserId),
}

impl Visibility {
    pub fn shows(self, entry: &LogEntry) -> bool {
        match self {
            Self::Staff => true,
            Self::Own(user) => entry.user_id == Some(user),
        }
    }
}

/// The selected entries; all conditions apply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub user_id: Option<UserId>,
    pub event_type: Option<String>,
    pub source: Option<String>,
    /// At or after this date of the event.
    pub from: Option<DateTime<Utc>>,
    /// At or before this date of the event.
    pub to: Option<DateTime<Utc>>,
    /// Part of the message, in any case.
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
