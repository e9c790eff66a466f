//! A readable report of the refused rows: CSV for a spreadsheet, or JSON lines.
//!
//! Values of the file are repeated without control characters and cut; in CSV a cell that a spreadsheet would read as a formula
//! is made text (OWASP, CSV injection). Hashes are never repeated. Only the owner may read the file.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::json;

use super::place::Place;
use super::rows::Refusal;
use crate::domain::csv_cell::cell;

const MAX_CELL: usize = 100;
/// Only rows of a JSON array have a `row`: there a line does not identify the element.
const HEADER: [&str; 6] = ["line", "customer_id", "email", "field", "cause", "row"];

pub(super) enum Report {
    Csv(Box<csv::Writer<File>>),
    Json(BufWriter<File>),
}

impl Report {
    /// Creates the file, or empties the report of an earlier run; any other file stays as it is.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        // A terminal or a pipe has nothing to lose.
        if file.metadata()?.is_file() {
            if !is_report(&mut file)? {
                let fault = "--report: the file exists and is not a report of an earlier run; expected another name";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, fault));
            }
            file.set_len(0)?;
            file.rewind()?;
        }
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if ["json", "jsonl", "ndjson"].contains(&extension.to_ascii_lowercase().as_str()) {
            return Ok(Self::Json(BufWriter::new(file)));
        }
        let mut writer = csv::Writer::from_writer(file);
        writer.write_record(HEADER)?;
        Ok(Self::Csv(Box::new(writer)))
    }

    /// Writes a line for each fault.
    pub(super) fn add(&mut self, refusal: &Refusal) -> io::Result<()> {
        let Refusal { place: Place { line, row }, customer_id, email, faults, .. } = refusal;
        let (customer_id, email) = (plain(customer_id), plain(email));
        for (field, cause) in faults {
            let (field, cause) = (plain(field), plain(cause));
            match self {
                Self::Csv(writer) => {
                    let row = row.map(|row| row.to_string()).unwrap_or_default();
                    let cells = [line.to_string(), cell(&customer_id), cell(&email), cell(&field), cell(&cause), row];
                    writer.write_record(&cells)?;
                }
                Self::Json(writer) => {
                    let object = json!({
                        "line": line, "customer_id": customer_id, "email": email, "field": field, "cause": cause,
                        "row": row,
                    });
                    writeln!(writer, "{object}")?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(writer) => writer.flush(),
            Self::Json(writer) => writer.flush(),
        }
    }
}

/// Whether the file is empty, or begins as reports do.
fn is_report(file: &mut File) -> io::Result<bool> {
    let mut begin = Vec::new();
    file.take(64).read_to_end(&mut begin)?;
    let starts = [HEADER.join(","), "{\"cause\":".to_owned()];
    Ok(begin.is_empty() || starts.iter().any(|start| begin.starts_with(start.as_bytes())))
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_CELL).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_report_is_replaced_and_any_other_file_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["report.csv", "report.jsonl"] {
            let path = folder.path().join(name);
            let refusal = Refusal {
                place: Place::line(2),
                customer_id: "7".to_owned(),
                email: String::new(),
                faults: vec![("email".to_owned(), "is required".to_owned())],
                roles: Vec::new(),
            };
            for _ in 0..2 {
                let mut report = Report::create(&path).unwrap();
                report.add(&refusal).unwrap();
                report.finish().unwrap();
                assert_eq!(std::fs::read_to_string(&path).unwrap().matches("is required").count(), 1);
            }
            std::fs::write(&path, "SQLite format 3").unwrap();
            let fault = Report::create(&path).err().map(|fault| fault.kind());
            assert_eq!(fault, Some(io::ErrorKind::AlreadyExists));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "SQLite format 3");
        }
    }

    #[test]
    fn a_spreadsheet_sees_no_formula() {
        for formula in ["=cmd|' /C calc'!A0", "+1+1", "-2", "@SUM(A1)", " =1", "\t=1", "\r\n@x", "＝1"] {
            assert!(cell(&plain(formula)).starts_with('\''), "{formula:?}");
        }
        assert_eq!(cell(&plain("john.doe@example.com")), "john.doe@example.com");
    }
}
