//! Entries as CSV (RFC 4180): quoted where needed, lines end in CRLF. It begins with a byte order mark, without which
//! spreadsheets read UTF-8 as their local encoding.
//!
//! A cell that a spreadsheet would run as a formula gets an apostrophe in front: the texts come from other people.

use crate::domain::LogEntry;

pub(super) const HEADER: &str = "\u{feff}id,event_id,event_type,source,user_id,date,message,data,received_at\r\n";

pub(super) fn write_line(entry: &LogEntry, out: &mut String) {
    let user_id = entry.user_id.map(|id| id.to_string()).unwrap_or_default();
    let received_at = entry.received_at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    let cells = [
        entry.id.as_str(),
        &entry.event_id.to_string(),
        entry.event_type.as_str(),
        &entry.source,
        &user_id,
        &shared_events::date::zoned::format(&entry.date),
        &entry.message,
        &entry.data.to_string(),
        &received_at,
    ];
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_cell(cell, out);
    }
    out.push_str("\r\n");
}

fn write_cell(cell: &str, out: &mut String) {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let quoted = is_formula || cell.contains(['"', ',', '\r', '\n']);
    if quoted {
        out.push('"');
    }
    if is_formula {
        out.push('\'');
    }
    out.push_str(&cell.replace('"', "\"\""));
    if quoted {
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        for (cell, expected) in [
            ("plain", "plain"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@x", "\"'@x\""),
            ("\tx", "\"'\tx\""),
            ("\rx", "\"'\rx\""),
            ("a=1", "a=1"),
        ] {
            let mut out = String::new();
            write_cell(cell, &mut out);
            assert_eq!(out, expected, "{cell:?}");
        }
    }
}
