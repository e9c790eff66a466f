//! The place of a row in its file.

use std::fmt;

/// Line and row, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The line where the row begins.
    pub(super) line: u64,
    /// The number of the element in a JSON array, which may be on a single line as a whole.
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
