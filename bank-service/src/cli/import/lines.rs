//! The lines of a file of any length, or its CSV records, each bounded.

use std::fs::File;
use std::io::{self, BufRead, BufReader};

use super::cells::Quotes;
use super::not_whole;
use super::place::Place;

/// A longer line or record is no row; it is skipped to its end.
pub(super) const MAX_LINE: u64 = 16 * 1024;
/// Some programs write it at the start of UTF-8 files.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) struct Lines<R = BufReader<File>> {
    input: R,
    number: u64,
    bytes: u64,
}

/// A line without its end; an error says why it cannot be a row.
pub(super) type Line = Result<String, &'static str>;

impl<R: BufRead> Lines<R> {
    pub(super) fn over(input: R) -> Self {
        Self { input, number: 0, bytes: 0 }
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// The next line that is not blank, with its number from 1; none at the end. A line ends at LF, CR or CRLF.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Line)>> {
        self.next_row(None)
    }

    /// The next CSV record that is not blank, with the number of the line where it begins: a line, and those after it while a
    /// quote is open. An error if a quote is never closed, or only by text that is none of its record: the rows between are lost.
    pub(super) fn next_record(&mut self, separator: u8) -> io::Result<Option<(u64, Line)>> {
        self.next_row(Some(Quotes::new(separator)))
    }

    fn next_row(&mut self, at_start: Option<Quotes>) -> io::Result<Option<(u64, Line)>> {
        loop {
            let (mut raw, mut quotes) = (Vec::new(), at_start);
            let Some(mut is_short) = self.read_line(&mut raw, quotes.as_mut())? else { return Ok(None) };
            self.number += 1;
            let first = self.number;
            while quotes.is_some_and(Quotes::is_open) {
                if is_short {
                    raw.push(b'\n');
                }
                let Some(rest_is_short) = self.read_line(&mut raw, quotes.as_mut())? else {
                    let fault = "opens a quote that is not closed before the end of the file";
                    return Err(not_whole(Place::line(first), fault));
                };
                self.number += 1;
                is_short &= rest_is_short;
            }
            if self.number > first && (!is_short || quotes.is_some_and(Quotes::has_text_behind)) {
                let fault = format!("opens a quote that is not closed before line {}", self.number);
                return Err(not_whole(Place::line(first), fault));
            }
            if !is_short {
                return Ok(Some((first, Err("is longer than 16 KiB"))));
            }
            let text = raw.as_slice();
            let text = if first == 1 { text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text) } else { text };
            if text.trim_ascii().is_empty() {
                continue;
            }
            let line = std::str::from_utf8(text).map(str::to_owned).map_err(|_| "is not UTF-8");
            return Ok(Some((first, line)));
        }
    }

    /// Reads past the end of the line, which is appended to `raw`; false if it is too long for that, and its rest skipped. None at
    /// the end of the file.
    fn read_line(&mut self, raw: &mut Vec<u8>, mut quotes: Option<&mut Quotes>) -> io::Result<Option<bool>> {
        let limit = usize::try_from(MAX_LINE).unwrap_or(usize::MAX);
        let (mut is_short, mut is_first) = (true, true);
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok((!is_first).then_some(is_short));
            }
            is_first = false;
            let end = buffer.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let line = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
            is_short &= raw.len() + line.len() <= limit;
            if is_short {
                raw.extend_from_slice(line);
            }
            if let Some(quotes) = &mut quotes {
                quotes.follow(line);
            }
            let ends_with_cr = end.is_some_and(|at| buffer.get(at) == Some(&b'\r'));
            let used = end.map_or(buffer.len(), |at| at + 1);
            self.consume(used);
            if end.is_some() {
                if ends_with_cr && self.input.fill_buf()?.first() == Some(&b'\n') {
                    self.consume(1);
                }
                return Ok(Some(is_short));
            }
        }
    }

    fn consume(&mut self, count: usize) {
        self.input.consume(count);
        self.bytes += u64::try_from(count).unwrap_or(u64::MAX);
    }

    /// The next byte, for a file whose rows are not lines.
    pub(super) fn next_byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.input.fill_buf()?.first().copied();
        if let Some(byte) = byte {
            self.consume(1);
            // A CRLF is counted once, at its LF.
            let is_end = byte == b'\n' || (byte == b'\r' && self.input.fill_buf()?.first() != Some(&b'\n'));
            self.number += u64::from(is_end);
        }
        Ok(byte)
    }

    /// The encoding of a file that begins with a byte order mark, or with a character of four or two bytes of which all but one are
    /// zero; none for UTF-8. Consumes nothing.
    pub(super) fn wide_encoding(&mut self) -> io::Result<Option<&'static str>> {
        Ok(match self.input.fill_buf()? {
            // UTF-32 first, since one of its marks begins with one of UTF-16.
            [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] | [0, 0, 0, _, ..] | [_, 0, 0, 0, ..] => Some("UTF-32"),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] => Some("UTF-16"),
            _ => None,
        })
    }

    /// The first byte that is neither blank nor part of the UTF-8 mark; none if there is none. Consumes the bytes before it.
    pub(super) fn first_byte(&mut self) -> io::Result<Option<u8>> {
        if self.input.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
            self.consume(BYTE_ORDER_MARK.len());
        }
        loop {
            match self.input.fill_buf()?.first().copied() {
                Some(byte) if byte.is_ascii_whitespace() => {
                    self.next_byte()?;
                }
                first => return Ok(first),
            }
        }
    }

    /// The number of the current line, from 1, for a reader by bytes.
    pub(super) fn line(&self) -> u64 {
        self.number + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<(u64, Line)> {
        let mut lines = Lines::over(bytes);
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    /// The records, and the fault of the file, if it has one.
    fn records(text: &str) -> (Vec<(u64, Line)>, Option<String>) {
        // A capacity of 1 yields the bytes one at a time, the hardest case for the reader.
        let mut lines = Lines::over(BufReader::with_capacity(1, text.as_bytes()));
        let mut found = Vec::new();
        loop {
            match lines.next_record(b',') {
                Ok(Some(record)) => found.push(record),
                Ok(None) => return (found, None),
                Err(fault) => return (found, Some(fault.to_string())),
            }
        }
    }

    #[test]
    fn ends_and_marks_of_every_system_are_taken_off() {
        let lines = all(b"\xef\xbb\xbfa,b\r\n\r\n  \n1,2\n3,4");
        assert_eq!(lines, [(1, Ok("a,b".to_owned())), (4, Ok("1,2".to_owned())), (5, Ok("3,4".to_owned()))]);
    }

    #[test]
    fn a_line_may_end_in_cr_alone_and_no_row_is_lost() {
        let expected: Vec<_> = [(1, "a,b"), (2, "1,2"), (3, "3,4")].map(|(n, text)| (n, Ok(text.to_owned()))).into();
        for bytes in ["a,b\r1,2\r3,4\r", "a,b\r\n1,2\r3,4", "a,b\n1,2\r\n3,4\r\n"] {
            assert_eq!(all(bytes.as_bytes()), expected, "{bytes:?}");
            // A capacity of 1 yields the bytes one at a time, the hardest case for the reader.
            let input = BufReader::with_capacity(1, bytes.as_bytes());
            let mut lines = Lines::over(input);
            let single: Vec<_> = std::iter::from_fn(|| lines.next().unwrap()).collect();
            assert_eq!((single, lines.bytes), (expected.clone(), u64::try_from(bytes.len()).unwrap()), "{bytes:?}");
        }
    }

    #[test]
    fn the_encodings_of_two_and_of_four_bytes_are_not_taken_for_each_other() {
        let encoding = |bytes: &[u8]| Lines::over(bytes).wide_encoding().unwrap();
        for utf32 in [b"\xff\xfe\0\0a\0\0\0", b"\0\0\xfe\xff\0\0\0a", b"a\0\0\0b\0\0\0", b"\0\0\0a\0\0\0b"] {
            assert_eq!(encoding(utf32), Some("UTF-32"), "{utf32:?}");
        }
        for utf16 in [b"\xff\xfea\0", b"\xfe\xff\0a", b"a\0b\0", b"\0a\0b"] {
            assert_eq!(encoding(utf16), Some("UTF-16"), "{utf16:?}");
        }
        for utf8 in [&b""[..], b"a", b"\xef\xbb\xbfa", b"abcd"] {
            assert_eq!(encoding(utf8), None, "{utf8:?}");
        }
    }

    #[test]
    fn the_first_byte_comes_after_the_mark_and_any_blanks() {
        let first = |bytes: &[u8]| Lines::over(bytes).first_byte().unwrap();
        for empty in [&b""[..], b"\xef\xbb\xbf", b"\xef\xbb\xbf \r\n\t\n", b"\n"] {
            assert_eq!(first(empty), None, "{empty:?}");
        }
        assert_eq!(first(format!("\u{feff}{}[", " ".repeat(20_000)).as_bytes()), Some(b'['));
        let mut lines = Lines::over(&b"\n\r\n{}\n"[..]);
        assert_eq!(lines.first_byte().unwrap(), Some(b'{'));
        assert_eq!(lines.next().unwrap(), Some((3, Ok("{}".to_owned()))));
    }

    #[test]
    fn a_record_has_the_line_where_it_begins_and_so_have_those_after_it() {
        let text = "1,a\r\n\r\n2,\"b\r\n\r\nc \"\"d\"\"\",\"e\rf\"\n3,g\n\n\"4\",\"\n\"";
        let expected: Vec<_> = [(1, "1,a"), (3, "2,\"b\n\nc \"\"d\"\"\",\"e\nf\""), (7, "3,g"), (9, "\"4\",\"\n\"")]
            .map(|(line, text)| (line, Ok(text.to_owned())))
            .into();
        assert_eq!(records(text), (expected, None));
    }

    #[test]
    fn a_quote_that_rows_would_be_lost_in_is_a_fault_of_the_file() {
        let never = "line 2: opens a quote that is not closed before the end of the file";
        let later = |line: u64| format!("line 2: opens a quote that is not closed before line {line}");
        let long = format!("1,a\n2,\"b\n3,{}\n4", "c".repeat(100_000));
        for (text, fault) in [
            ("1,a\n2,\"b", never.to_owned()),
            ("1,a\n2,\"b,\n3,c\n4,d\n", never.to_owned()),
            ("1,a\n2,\"b,\n3,\"\"\n", never.to_owned()),
            ("1,a\n2,\"b,\n3,c\n4,\"d\",\n", later(4)),
            ("1,a\n2,\"b\n\"c\n", later(3)),
            (&format!("{long}\n"), never.to_owned()),
            (&format!("{long}\"\n"), later(4)),
        ] {
            assert_eq!(records(text), (vec![(1, Ok("1,a".to_owned()))], Some(fault)), "{text:.40}");
        }
    }

    #[test]
    fn a_quote_in_a_line_that_is_too_long_is_followed_to_its_end() {
        let long = format!("1,\"{}\",\"b\"\n2,c\n", "a".repeat(100_000));
        let expected = vec![(1, Err("is longer than 16 KiB")), (2, Ok("2,c".to_owned()))];
        assert_eq!(records(&long), (expected, None));
        let open = format!("1,\"{}\n2,c\n", "a".repeat(100_000));
        assert_eq!(records(&open).0, []);
        assert!(records(&open).1.unwrap().starts_with("line 1: opens a quote"));
    }

    #[test]
    fn a_line_that_is_no_text_or_too_long_is_one_fault() {
        let mut bytes = b"a\n\xff\n".to_vec();
        bytes.extend(vec![b'x'; 100_000]);
        bytes.extend(b"\nb\n");
        let lines = all(&bytes);
        let expected = [
            (1, Ok("a".to_owned())),
            (2, Err("is not UTF-8")),
            (3, Err("is longer than 16 KiB")),
            (4, Ok("b".to_owned())),
        ];
        assert_eq!(lines, expected);
    }
}
