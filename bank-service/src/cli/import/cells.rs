//! The cells of one record of CSV (RFC 4180).
//!
//! The CSV reader is lenient: it takes what follows an open quote as one cell, and text after a closing quote as a part of it.
//! Both are faults here.

/// The quotes of a record, followed byte by byte.
#[derive(Clone, Copy)]
pub(super) struct Quotes {
    separator: u8,
    state: State,
    has_text_behind: bool,
}

/// The parser's state within a record.
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

impl Quotes {
    pub(super) fn new(separator: u8) -> Self {
        Self { separator, state: State::CellBegins, has_text_behind: false }
    }

    pub(super) fn follow(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.state = match (self.state, *byte) {
                (State::Quoted, b'"') => State::Quote,
                (State::CellBegins | State::Quote, b'"') | (State::Quoted, _) => State::Quoted,
                (_, byte) if byte == self.separator => State::CellBegins,
                (State::Quote | State::Closed, b' ' | b'\t') => State::Closed,
                (State::Quote | State::Closed, _) => {
                    self.has_text_behind = true;
                    State::Plain
                }
                (State::CellBegins | State::Plain, _) => State::Plain,
            };
        }
    }

    /// Whether the record goes on: line breaks are a part of the cell.
    pub(super) fn is_open(self) -> bool {
        self.state == State::Quoted
    }

    /// Whether there is text behind a closing quote of a cell.
    pub(super) fn has_text_behind(self) -> bool {
        self.has_text_behind
    }
}

/// The cells, or the fault of the record.
pub(super) fn cells(record: &str, separator: u8) -> Result<Vec<String>, String> {
    check_quotes(record, separator)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .buffer_capacity(record.len().max(1))
        .from_reader(record.as_bytes());
    let mut cells = csv::StringRecord::new();
    match reader.read_record(&mut cells) {
        Ok(true) => Ok(cells.iter().map(str::to_owned).collect()),
        _ => Err("is not CSV".to_owned()),
    }
}

fn check_quotes(record: &str, separator: u8) -> Result<(), String> {
    let mut quotes = Quotes::new(separator);
    quotes.follow(record.as_bytes());
    if quotes.has_text_behind() {
        Err("has text behind a closing quote".to_owned())
    } else if quotes.is_open() {
        Err("has a quote that is not closed".to_owned())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(record: &str) -> Result<Vec<String>, String> {
        cells(record, b',')
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
            ("1,\"a\nb\",\"\n\"", vec!["1", "a\nb", "\n"]),
            ("", vec![]),
        ] {
            assert_eq!(read(line).unwrap_or_default(), expected, "{line}");
        }
        assert_eq!(cells("\"a;b\";c", b';').unwrap(), ["a;b", "c"]);
    }

    #[test]
    fn a_quote_that_is_not_closed_is_a_fault_of_its_record() {
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
