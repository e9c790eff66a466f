//! What the programs of this crate share.

pub mod random;

use std::io::Write as _;

/// Writes a line; if nobody reads it, there is nobody to tell.
pub fn print_line(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}
