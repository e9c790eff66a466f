//! The progress of an import: a bar on a terminal, an occasional line elsewhere.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

const TEMPLATE: &str = "{bar:40} {percent:>3} %  {msg}  {eta} left";
const ROWS_A_LINE: u64 = 10_000;

pub(super) struct Progress {
    bar: Option<ProgressBar>,
    length: u64,
    reported: u64,
}

impl Progress {
    /// `length` is the file's size in bytes.
    pub(super) fn start(length: u64) -> Self {
        let style = ProgressStyle::with_template(TEMPLATE).ok().filter(|_| std::io::stderr().is_terminal());
        let bar = style.map(|style| ProgressBar::new(length).with_style(style));
        Self { bar, length, reported: 0 }
    }

    pub(super) fn show(&mut self, bytes: u64, rows: u64) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{rows} rows"));
            bar.set_position(bytes);
        } else if rows / ROWS_A_LINE > self.reported {
            self.reported = rows / ROWS_A_LINE;
            let percent = bytes.saturating_mul(100).checked_div(self.length).unwrap_or_default();
            // Standard error may be closed.
            writeln!(std::io::stderr(), "{rows} rows, {percent} % of the file").ok();
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
