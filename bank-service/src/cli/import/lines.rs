//! The lines of a file of any length, each bounded.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// Longer lines are no rows; they are skipped to their end.
pub(super) const MAX_LINE: u64 = 16 * 1024;

pub(super) struct Lines<R = BufReader<File>> {
    input: R,
    length: u64,
    number: u64,
    bytes: u64,
}

/// A line without its end; an error says why it cannot be a row.
pub(super) type Line = Result<String, &'static str>;

impl Lines {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let meta = file.metadata()?;
        if meta.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a folder"));
        }
        Ok(Self { input: BufReader::new(file), length: meta.len(), number: 0, bytes: 0 })
    }
}

impl<R: BufRead> Lines<R> {
    #[cfg(test)]
    pub(super) fn over(input: R) -> Self {
        Self { input, length: 0, number: 0, bytes: 0 }
    }

    /// In bytes; zero for a pipe.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// The next line that is not blank, with its number from 1; none at the end. A line ends at LF, CR or CRLF.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Line)>> {
        let mut raw = Vec::new();
        loop {
            raw.clear();
            let Some(is_whole) = self.read_line(&mut raw)? else { return Ok(None) };
            self.number += 1;
            if !is_whole {
                return Ok(Some((self.number, Err("is longer than 16 KiB"))));
            }
            let text = raw.as_slice();
            let text = if self.number == 1 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text) } else { text };
            if text.trim_ascii().is_empty() {
                continue;
            }
            let line = std::str::from_utf8(text).map(str::to_owned).map_err(|_| "is not UTF-8");
            return Ok(Some((self.number, line)));
        }
    }

    /// Reads to the end of the line and past it; false: the line is too long, and the rest of it was passed over. None at the
    /// end of the file.
    fn read_line(&mut self, raw: &mut Vec<u8>) -> io::Result<Option<bool>> {
        let limit = usize::try_from(MAX_LINE).unwrap_or(usize::MAX);
        let (mut is_whole, mut is_first) = (true, true);
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok((!is_first).then_some(is_whole));
            }
            is_first = false;
            let end = buffer.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let line = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
            is_whole &= raw.len() + line.len() <= limit;
            if is_whole {
                raw.extend_from_slice(line);
            }
            let ends_with_cr = end.is_some_and(|at| buffer.get(at) == Some(&b'\r'));
            let used = end.map_or(buffer.len(), |at| at + 1);
            self.consume(used);
            if end.is_some() {
                if ends_with_cr && self.input.fill_buf()?.first() == Some(&b'\n') {
                    self.consume(1);
                }
                return Ok(Some(is_whole));
            }
        }
    }

    fn consume(&mut self, count: usize) {
        self.input.consume(count);
        self.bytes += u64::try_from(count).unwrap_or(u64::MAX);
    }

    /// One byte, for a file whose rows are no lines.
    pub(super) fn next_byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.input.fill_buf()?.first().copied();
        if let Some(byte) = byte {
            self.consume(1);
            // Where CR and LF come together, LF counts.
            let is_end = byte == b'\n' || (byte == b'\r' && self.input.fill_buf()?.first() != Some(&b'\n'));
            self.number += u64::from(is_end);
        }
        Ok(byte)
    }

    /// Whether the file begins as UTF-16 does: with its mark, or with a character of two bytes of which one is nothing. Nothing is
    /// consumed.
    pub(super) fn is_utf16(&mut self) -> io::Result<bool> {
        Ok(matches!(self.input.fill_buf()?, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..]))
    }

    /// Whether the first byte that is no blank, or mark of an encoding, opens an array. Nothing is consumed.
    pub(super) fn opens_an_array(&mut self) -> io::Result<bool> {
        let buffer = self.input.fill_buf()?;
        let text = buffer.strip_prefix(b"\xef\xbb\xbf").unwrap_or(buffer);
        Ok(text.trim_ascii_start().first() == Some(&b'['))
    }

    /// The number of the line that is being read, from 1, for a reader by bytes.
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
            // However the bytes come in.
            let input = BufReader::with_capacity(1, bytes.as_bytes());
            let mut lines = Lines::over(input);
            let single: Vec<_> = std::iter::from_fn(|| lines.next().unwrap()).collect();
            assert_eq!((single, lines.bytes), (expected.clone(), u64::try_from(bytes.len()).unwrap()), "{bytes:?}");
        }
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
