//! The cells of one line of CSV (RFC 4180).
//!
//! No field of an import contains a line break, so a quote that is still open at the end of a line is a fault of that line. The
//! CSV reader is lenient there: it takes the rest of the line as one cell, and text after a closing quote as a part of it.

/// The parser's state within a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    CellBegins,
    Plain,
    Quoted,
    /// A quote within quotes: the end of the cell, or the first half of an escaped quote.
    Quote,
    /// Blanks after the closing quote.
    Closed,
}

/// The cells, or the fault of the line.
pub(super) fn cells(line: &str, separator: u8) -> Result<Vec<String>, String> {
    check_quotes(line, separator)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .buffer_capacity(line.len().max(1))
        .from_reader(line.as_bytes());
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(true) => Ok(record.iter().map(str::to_owned).collect()),
        _ => Err("is not CSV".to_owned()),
    }
}

fn check_quotes(line: &str, separator: u8) -> Result<(), String> {
    let mut state = State::CellBegins;
    for byte in line.bytes() {
        state = match (state, byte) {
            (State::Quoted, b'"') => State::Quote,
            (State::CellBegins | State::Quote, b'"') | (State::Quoted, _) => State::Quoted,
            (_, byte) if byte == separator => State::CellBegins,
            (State::Quote | State::Closed, b' ' | b'\t') => State::Closed,
            (State::Quote | State::Closed, _) => return Err("has text behind a closing quote".to_owned()),
            (State::CellBegins | State::Plain, _) => State::Plain,
        };
    }
    if state == State::Quoted {
        return Err("has a quote that is not closed (fields have no line breaks)".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Vec<String>, String> {
        cells(line, b',')
    }

    #[test]
    fn quotes_hold_separators_and_quotes() {
        for (line, expected) in [
            ("1,a,b", vec!["1", "a", "b"]),
            ("\"1\",\"a,b\",\"\"", vec!["1", "a,b", ""]),
            ("\"say \"\"hi\"\"\",x", vec!["say \"hi\"", "x"]),
            ("\"\"\"\",\"\"\"a\"\"\"", vec!["\"", "\"a\""]),
            ("\"1\" ,\"2\"\t", vec!["1 ", "2\t"]),
            ("1\",in \"the\" middle", vec!["1\"", "in \"the\" middle"]),
            ("", vec![]),
        ] {
            assert_eq!(read(line).unwrap_or_default(), expected, "{line}");
        }
        assert_eq!(cells("\"a;b\";c", b';').unwrap(), ["a;b", "c"]);
    }

    #[test]
    fn a_quote_that_is_not_closed_is_a_fault_of_its_line() {
        for line in ["\"", "1,\"a@example.com", "1,\"a@example.com,,,PT", "1,\"a\"\"", "\"a\",\"b,\"\"c\"\""] {
            assert!(read(line).unwrap_err().contains("not closed"), "{line}");
        }
    }

    #[test]
    fn text_behind_a_closing_quote_is_a_fault_and_no_part_of_the_cell() {
        for line in ["1,\"a@example.com\"x", "\"a\" b,c", "\"a\" \"b\""] {
            assert!(read(line).unwrap_err().contains("behind a closing quote"), "{line}");
        }
    }
}
