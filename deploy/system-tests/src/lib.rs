//! The parts that the programs of this crate share.
#![allow(clippy::indexing_slicing, reason = "a JSON value answers null for a member that is missing")]

pub mod money;
pub mod random;

use std::io::Write as _;

/// Writes a line; standard output may be closed.
pub fn print_line(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}
