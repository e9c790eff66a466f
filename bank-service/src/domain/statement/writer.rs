//! The formats of statements, and what each of them does.

use std::io;

use super::Statement;
use crate::domain::ledger::EntryView;

/// In the minor unit: SWIFT's amounts have 15 characters, one of them the comma.
const LARGEST_OF_MT940: i64 = 99_999_999_999_999;

/// A format that statements are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementFormat {
    Json,
    Csv,
    Pdf,
    Camt053,
    Ofx,
    Mt940,
}

impl StatementFormat {
    pub const ALL: [Self; 6] = [Self::Json, Self::Csv, Self::Pdf, Self::Camt053, Self::Ofx, Self::Mt940];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Pdf => "pdf",
            Self::Camt053 => "camt.053",
            Self::Ofx => "ofx",
            Self::Mt940 => "mt940",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == text)
    }

    /// Whether it has no way to say that entries may still come: what reads it books each statement once.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Camt053 | Self::Ofx | Self::Mt940)
    }

    /// The largest amount or balance that it has room for, without a sign; none if it has room for every one.
    pub fn largest_amount(self) -> Option<i64> {
        match self {
            Self::Mt940 => Some(LARGEST_OF_MT940),
            Self::Json | Self::Csv | Self::Pdf | Self::Camt053 | Self::Ofx => None,
        }
    }
}

/// Writes one statement. `out` may be emptied between two calls.
pub trait StatementWriter: Send {
    /// Whether [`Self::measure`] has to have every entry, in order, before the beginning.
    fn is_measuring(&self) -> bool {
        false
    }

    /// Finds out how much space the statement needs. Its totals are not known yet.
    fn measure(&mut self, _statement: &Statement, _view: &EntryView) {}

    fn begin(&mut self, statement: &Statement, out: &mut Vec<u8>) -> io::Result<()>;
    fn entry(&mut self, statement: &Statement, view: &EntryView, out: &mut Vec<u8>) -> io::Result<()>;
    fn end(&mut self, statement: &Statement, out: &mut Vec<u8>) -> io::Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_has_one_name_that_reads_back() {
        for format in StatementFormat::ALL {
            assert_eq!(StatementFormat::parse(format.as_str()), Some(format));
        }
        for unknown in ["", "JSON", "camt", "camt053", "xml"] {
            assert_eq!(StatementFormat::parse(unknown), None, "{unknown}");
        }
    }
}
