//! The elements of a JSON array of any length, each bounded.

use std::io::{self, BufRead};

use super::lines::{Line, Lines, MAX_LINE};
use super::place::Place;

/// Reads an array element by element. An element that is too long, or an array that does not end, is a fault of one row.
pub(super) struct Elements {
    state: State,
    /// How many elements have begun.
    begun: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    BeforeArray,
    InArray,
    Ended,
}

/// The parser's state within an element.
#[derive(Default)]
struct Position {
    depth: u32,
    in_text: bool,
    escaped: bool,
}

impl Position {
    /// Processes a byte; returns whether it ends the element.
    fn follow(&mut self, byte: u8) -> bool {
        if self.in_text {
            if self.escaped {
                self.escaped = false;
            } else {
                self.escaped = byte == b'\\';
                self.in_text = byte != b'"';
            }
            return false;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.depth += 1,
            b',' | b']' if self.depth == 0 => return true,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        false
    }
}

impl Elements {
    pub(super) fn new() -> Self {
        Self { state: State::BeforeArray, begun: 0 }
    }

    /// The next element with its place; none at the end.
    pub(super) fn next<R: BufRead>(&mut self, lines: &mut Lines<R>) -> io::Result<Option<(Place, Line)>> {
        while self.state == State::BeforeArray {
            if lines.next_byte()? == Some(b'[') {
                self.state = State::InArray;
            }
        }
        if self.state == State::Ended {
            return Self::nothing_behind(lines);
        }
        let limit = usize::try_from(MAX_LINE).unwrap_or(usize::MAX);
        let (mut raw, mut position, mut begins, mut is_whole) = (Vec::new(), Position::default(), lines.line(), true);
        let end = loop {
            let Some(byte) = lines.next_byte()? else { break None };
            if position.follow(byte) {
                break Some(byte);
            }
            if raw.is_empty() && byte.is_ascii_whitespace() {
                begins = lines.line();
                continue;
            }
            is_whole &= raw.len() < limit;
            if is_whole {
                raw.push(byte);
            }
        };
        if end != Some(b',') {
            self.state = State::Ended;
        }
        if end == Some(b']') && raw.is_empty() {
            // An empty array, or a comma after the last element.
            return Self::nothing_behind(lines);
        }
        self.begun += 1;
        let element = match end {
            None => Err("the array is not closed"),
            Some(_) if !is_whole => Err("is longer than 16 KiB"),
            Some(_) => String::from_utf8(raw).map_err(|_| "is not UTF-8"),
        };
        Ok(Some((Place { line: begins, row: Some(self.begun) }, element)))
    }

    /// Reports text after the array as a fault: otherwise it would be lost silently.
    fn nothing_behind<R: BufRead>(lines: &mut Lines<R>) -> io::Result<Option<(Place, Line)>> {
        while let Some(byte) = lines.next_byte()? {
            if !byte.is_ascii_whitespace() {
                let place = Place::line(lines.line());
                while lines.next_byte()?.is_some() {}
                return Ok(Some((place, Err("stands behind the end of the array"))));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<(Place, Line)> {
        let mut lines = Lines::over(text.as_bytes());
        let mut elements = Elements::new();
        std::iter::from_fn(|| elements.next(&mut lines).unwrap()).collect()
    }

    fn good(line: u64, row: u64, text: &str) -> (Place, Line) {
        (Place { line, row: Some(row) }, Ok(text.to_owned()))
    }

    fn bad(line: u64, row: u64, cause: &'static str) -> (Place, Line) {
        (Place { line, row: Some(row) }, Err(cause))
    }

    #[test]
    fn each_element_comes_with_its_number_and_the_line_it_begins_on() {
        let text = "\u{feff}\n[\r\n  {\"a\": \"],{\\\" [\"},\n  {\"b\": [1, 2]}\n]\n";
        assert_eq!(all(text), [good(3, 1, "{\"a\": \"],{\\\" [\"}"), good(4, 2, "{\"b\": [1, 2]}\n")]);
        assert_eq!(all("[]"), []);
        assert_eq!(all("[{},]"), [good(1, 1, "{}")]);
    }

    #[test]
    fn what_is_no_array_of_rows_is_a_fault_and_never_lost() {
        assert_eq!(all("[{}"), [bad(1, 1, "the array is not closed")]);
        assert_eq!(all("[1,,2]"), [good(1, 1, "1"), good(1, 2, ""), good(1, 3, "2")]);
        let behind = (Place::line(2), Err("stands behind the end of the array"));
        assert_eq!(all("[{}]\n{\"a\": 1}"), [good(1, 1, "{}"), behind]);
        let long = format!("[{{\"a\": \"{}\"}}, {{}}]", "x".repeat(100_000));
        assert_eq!(all(&long), [bad(1, 1, "is longer than 16 KiB"), good(1, 2, "{}")]);
    }
}
