//! CSV (RFC 4180) for spreadsheets: a table without blank lines or second headers, so that it sorts, filters and sums as it is.
//!
//! The first row has the opening balance and the last one the closing balance; both have no amount, so the amounts sum to the
//! difference. Amounts are decimal numbers of the currency. A text that a spreadsheet would run as a formula is defused. It begins
//! with a byte order mark, without which spreadsheets read UTF-8 as their local encoding.

use std::io;

use chrono::{NaiveDate, SecondsFormat};

use super::line::Line;
use super::{Statement, StatementWriter, amount};
use crate::domain::csv_cell::cell;
use crate::domain::ledger::EntryView;

const HEADER: &[u8] =
    "\u{feff}date,posted_at,kind,counterparty,counterparty_iban,reference,description,amount,currency,\
    balance,provisional\r\n"
        .as_bytes();

#[derive(Default)]
pub struct Csv;

impl StatementWriter for Csv {
    fn begin(&mut self, statement: &Statement, out: &mut Vec<u8>) -> io::Result<()> {
        out.extend_from_slice(HEADER);
        balance(statement, "opening_balance", (statement.period.from, statement.opening_balance), out);
        Ok(())
    }

    fn entry(&mut self, statement: &Statement, view: &EntryView, out: &mut Vec<u8>) -> io::Result<()> {
        let line = Line::of(view, statement.calendar);
        let text = |text: Option<&str>| text.map(cell).unwrap_or_default();
        row(
            &[
                &line.date.to_string(),
                &line.posted_at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
                line.kind.as_str(),
                &text(line.counterparty),
                &text(line.counterparty_iban.as_deref()),
                &text(line.reference),
                &text(line.description),
                &amount::decimal(line.amount.into(), statement.places()),
                statement.currency.code(),
                &amount::decimal(line.balance.into(), statement.places()),
                provisional(statement),
            ],
            out,
        );
        Ok(())
    }

    fn end(&mut self, statement: &Statement, out: &mut Vec<u8>) -> io::Result<()> {
        balance(statement, "closing_balance", (statement.period.to, statement.closing_balance), out);
        Ok(())
    }
}

fn balance(statement: &Statement, kind: &str, (date, minor): (NaiveDate, i64), out: &mut Vec<u8>) {
    let (date, minor) = (date.to_string(), amount::decimal(minor.into(), statement.places()));
    let code = statement.currency.code();
    row(&[&date, "", kind, "", "", "", "", "", code, &minor, provisional(statement)], out);
}

fn provisional(statement: &Statement) -> &'static str {
    if statement.is_provisional { "true" } else { "false" }
}

fn row(cells: &[&str; 11], out: &mut Vec<u8>) {
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        if cell.contains(['"', ',', '\r', '\n']) {
            out.push(b'"');
            out.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
            out.push(b'"');
        } else {
            out.extend_from_slice(cell.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Case, written};
    use super::*;

    #[test]
    fn the_statement_is_written_as_the_golden_file_has_it() {
        let golden = include_str!("golden/statement.csv");
        assert_eq!(written(Csv, &Case::usual()).replace("\r\n", "\n"), golden);
    }

    #[test]
    fn each_row_ends_as_rfc_4180_has_it_and_shows_whether_it_is_provisional() {
        let mut case = Case::usual();
        case.statement.is_provisional = true;
        let text = written(Csv, &case);
        let rows: Vec<&str> = text.split_terminator("\r\n").collect();
        assert_eq!(rows.len(), case.views.len() + 3);
        assert!(
            !rows.concat().contains(['\r', '\n']) && rows.iter().skip(1).all(|row| row.ends_with(",true")),
            "{text}"
        );
    }

    #[test]
    fn a_formula_is_defused_and_a_quote_doubled() {
        let mut out = Vec::new();
        let text = cell("=HYPERLINK(\"http://x\",\"y\")");
        row(&["", "", "", "", "", &text, "", "-1.00", "", "", ""], &mut out);
        let expected = ",,,,,\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",,-1.00,,,\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
