//! The state of an entry that a change was decided on.

use service_kit::http::etag::content_version;

use super::LogEntry;

/// Which versions of an entry a change may be applied to: those of the request's `If-Match`, or any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected(Option<Vec<String>>);

impl Expected {
    pub fn any() -> Self {
        Self(None)
    }

    pub fn one_of(versions: Vec<String>) -> Self {
        Self(Some(versions))
    }

    pub fn accepts(&self, entry: &LogEntry) -> bool {
        self.0.as_ref().is_none_or(|versions| entry.version().is_some_and(|version| versions.contains(&version)))
    }
}

impl LogEntry {
    /// Names the entry's state: every real change gives another one.
    pub fn version(&self) -> Option<String> {
        content_version(self)
    }
}
