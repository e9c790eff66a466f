//! The header of a CSV file: its columns and their separator.

use std::io;

use super::cells::cells;
use super::lines::Lines;
use super::unusable;

pub(super) const COLUMNS: [&str; 7] =
    ["customer_id", "email", "password_hash", "country", "language", "is_active", "roles"];
const REQUIRED: [&str; 2] = ["customer_id", "email"];
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// The column names and their separator. A spreadsheet's first line `sep=;` is skipped.
pub(super) fn header(lines: &mut Lines) -> io::Result<(Vec<String>, u8)> {
    let expected = format!("expected a header with {}, separated by comma, semicolon or tab", COLUMNS.join(","));
    let mut first = lines.next()?;
    if first.is_none() {
        return Err(unusable(format!("is empty; {expected}")));
    }
    if matches!(&first, Some((_, Ok(text))) if text.trim_start().to_ascii_lowercase().starts_with("sep=")) {
        first = lines.next()?;
    }
    let Some((_, Ok(text))) = first else { return Err(unusable(expected)) };
    let (mut names, separator) = names(&text).map_err(|cause| unusable(format!("the header {cause}; {expected}")))?;
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    // Without any known name the line is data, which may hold a hash: it is not shown.
    if !names.iter().any(|name| COLUMNS.contains(&name.as_str())) {
        return Err(unusable(format!("the header has no known column; {expected}")));
    }
    for (at, name) in names.iter().enumerate() {
        if !COLUMNS.contains(&name.as_str()) {
            return Err(unusable(format!("the header: column {} ({name:.40}) is unknown; {expected}", at + 1)));
        }
        if names.iter().take(at).any(|before| before == name) {
            return Err(unusable(format!("the header: column {} ({name}) is there twice; {expected}", at + 1)));
        }
    }
    match REQUIRED.iter().find(|required| !names.iter().any(|name| name == *required)) {
        Some(missing) => Err(unusable(format!("the header has no {missing}; {expected}"))),
        None => Ok((names, separator)),
    }
}

/// The names in a header, by the separator that yields the most known columns.
fn names(text: &str) -> Result<(Vec<String>, u8), String> {
    let mut best: Option<(usize, Vec<String>, u8)> = None;
    let mut fault = None;
    for separator in SEPARATORS {
        match cells(text, separator) {
            Ok(names) => {
                let names: Vec<String> = names.iter().map(|name| column_name(name)).collect();
                let known = names.iter().filter(|name| COLUMNS.contains(&name.as_str())).count();
                if best.as_ref().is_none_or(|(most, ..)| known > *most) {
                    best = Some((known, names, separator));
                }
            }
            Err(cause) => fault = fault.or(Some(cause)),
        }
    }
    match (best, fault) {
        // With a wrong separator, the line is one long name that may contain a quote.
        (None | Some((0, ..)), Some(fault)) => Err(fault),
        (Some((_, names, separator)), _) => Ok((names, separator)),
        (None, None) => Err("has no columns".to_owned()),
    }
}

/// Normalises a column name: `Password Hash` and `password-hash` are `password_hash`, `E-Mail` is `email`.
pub(super) fn column_name(cell: &str) -> String {
    let name = cell.trim().to_ascii_lowercase().replace([' ', '-'], "_");
    if name == "e_mail" { "email".to_owned() } else { name }
}
