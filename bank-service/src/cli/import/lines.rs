//! The lines of a file of any length, each bounded.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
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
    /// In bytes; zero for a pipe.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// The next line that is not blank, with its number from 1; none at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Line)>> {
        let mut raw = Vec::new();
        loop {
            raw.clear();
            let read = (&mut self.input).take(MAX_LINE + 1).read_until(b'\n', &mut raw)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.bytes += u64::try_from(read).unwrap_or(u64::MAX);
            if raw.len() > usize::try_from(MAX_LINE).unwrap_or(usize::MAX) && raw.last() != Some(&b'\n') {
                self.skip_line()?;
                return Ok(Some((self.number, Err("is longer than 16 KiB"))));
            }
            let text = raw.strip_suffix(b"\n").unwrap_or(&raw);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            let text = if self.number == 1 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text) } else { text };
            if text.trim_ascii().is_empty() {
                continue;
            }
            let line = std::str::from_utf8(text).map(str::to_owned).map_err(|_| "is not UTF-8");
            return Ok(Some((self.number, line)));
        }
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(buffer.len(), |at| at + 1);
            self.input.consume(used);
            self.bytes += u64::try_from(used).unwrap_or(u64::MAX);
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<(u64, Line)> {
        let mut lines = Lines { input: bytes, length: 0, number: 0, bytes: 0 };
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    #[test]
    fn ends_and_marks_of_every_system_are_taken_off() {
        let lines = all(b"\xef\xbb\xbfa,b\r\n\r\n  \n1,2\n3,4");
        assert_eq!(lines, [(1, Ok("a,b".to_owned())), (4, Ok("1,2".to_owned())), (5, Ok("3,4".to_owned()))]);
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
