//! Where a row stands in its file.

use std::fmt;

/// Both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The line that the row begins on.
    pub(super) line: u64,
    /// Which element it is, in a JSON array: all of one may stand on a single line.
    pub(super) row: Option<u64>,
}

impl Place {
    pub(super) fn line(line: u64) -> Self {
        Self { line, row: None }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            Some(row) => write!(f, "row {row} (line {})", self.line),
            None => write!(f, "line {}", self.line),
        }
    }
}
