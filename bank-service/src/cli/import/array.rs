//! The elements of a JSON array of any length, each bounded.

use std::io::{self, BufRead};

use super::lines::{Line, Lines, MAX_LINE};
use super::place::Place;

/// Reads an array element by element. A fault of the array itself is one fault at its place, and costs no element before it.
pub(super) struct Elements {
    state: State,
    /// How many elements have begun.
    begun: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    BeforeArray,
    BeforeFirst,
    BehindComma,
    /// Behind an element that neither a comma nor the end of the array follows.
    BehindElement,
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
    /// Whether the byte ends an element, without being a part of it.
    fn is_end(&self, byte: u8) -> bool {
        self.depth == 0 && !self.in_text && matches!(byte, b',' | b']')
    }

    /// Processes a byte of the element; returns whether it closes the element's brackets.
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
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

impl Elements {
    pub(super) fn new() -> Self {
        Self { state: State::BeforeArray, begun: 0 }
    }

    /// The next element, or fault of the array, with its place; none at the end.
    pub(super) fn next<R: BufRead>(&mut self, lines: &mut Lines<R>) -> io::Result<Option<(Place, Line)>> {
        while self.state == State::BeforeArray {
            if lines.next_byte()? == Some(b'[') {
                self.state = State::BeforeFirst;
            }
        }
        if self.state == State::Ended {
            return Self::nothing_behind(lines);
        }
        let (before, first) = (self.state, lines.first_byte()?);
        let line = lines.line();
        match first {
            None => {
                self.state = State::Ended;
                Ok(Some((Place::line(line), Err("the array is not closed at the end of the file"))))
            }
            Some(b']') => {
                lines.next_byte()?;
                self.state = State::Ended;
                if before == State::BehindComma {
                    return Ok(Some((Place::line(line), Err("the array has a comma behind its last element"))));
                }
                Self::nothing_behind(lines)
            }
            Some(_) => {
                self.begun += 1;
                let element = self.element(lines)?;
                let element = if before == State::BehindElement { Err("has no comma before it") } else { element };
                Ok(Some((Place { line, row: Some(self.begun) }, element)))
            }
        }
    }

    /// Reads an element, and what separates it from the next one.
    fn element<R: BufRead>(&mut self, lines: &mut Lines<R>) -> io::Result<Line> {
        let limit = usize::try_from(MAX_LINE).unwrap_or(usize::MAX);
        let (mut raw, mut position, mut is_whole) = (Vec::new(), Position::default(), true);
        loop {
            let Some(byte) = lines.next_byte()? else {
                self.state = State::Ended;
                return Ok(Err("the file ends within it"));
            };
            if position.is_end(byte) {
                self.state = if byte == b',' { State::BehindComma } else { State::Ended };
                break;
            }
            is_whole &= raw.len() < limit;
            if is_whole {
                raw.push(byte);
            }
            if position.follow(byte) && !matches!(lines.first_byte()?, Some(b',' | b']')) {
                self.state = State::BehindElement;
                break;
            }
        }
        if !is_whole {
            return Ok(Err("is longer than 16 KiB"));
        }
        Ok(String::from_utf8(raw).map_err(|_| "is not UTF-8"))
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

    fn broken(line: u64, cause: &'static str) -> (Place, Line) {
        (Place::line(line), Err(cause))
    }

    #[test]
    fn each_element_comes_with_its_number_and_the_line_it_begins_on() {
        let text = "\u{feff}\n[\r\n  {\"a\": \"],{\\\" [\"},\n  {\"b\": [1, 2]}\n]\n";
        assert_eq!(all(text), [good(3, 1, "{\"a\": \"],{\\\" [\"}"), good(4, 2, "{\"b\": [1, 2]}")]);
        assert_eq!(all("[]"), []);
        assert_eq!(all(" [ \n ] \n"), []);
    }

    #[test]
    fn what_is_no_array_of_rows_is_a_fault_and_never_lost() {
        assert_eq!(all("[1,,2]"), [good(1, 1, "1"), good(1, 2, ""), good(1, 3, "2")]);
        let behind = broken(2, "stands behind the end of the array");
        assert_eq!(all("[{}]\n{\"a\": 1}"), [good(1, 1, "{}"), behind]);
        let long = format!("[{{\"a\": \"{}\"}}, {{}}]", "x".repeat(100_000));
        assert_eq!(all(&long), [bad(1, 1, "is longer than 16 KiB"), good(1, 2, "{}")]);
    }

    #[test]
    fn an_array_that_is_cut_short_has_one_fault_where_it_ends() {
        let open = |line| broken(line, "the array is not closed at the end of the file");
        assert_eq!(all("["), [open(1)]);
        assert_eq!(all("[{}"), [good(1, 1, "{}"), open(1)]);
        assert_eq!(all("[{},\n{},\n"), [good(1, 1, "{}"), good(2, 2, "{}"), open(3)]);
        for cut in ["{\"a\": 1", "{\"a\": \"x", "1"] {
            let expected = [good(1, 1, "{}"), bad(2, 2, "the file ends within it")];
            assert_eq!(all(&format!("[{{}},\n{cut}")), expected, "{cut}");
        }
    }

    #[test]
    fn a_comma_too_many_or_too_few_is_a_fault_at_its_place_and_costs_no_other_element() {
        let trailing = broken(2, "the array has a comma behind its last element");
        assert_eq!(all("[{},\n]"), [good(1, 1, "{}"), trailing]);
        let expected = [good(1, 1, "{}"), bad(2, 2, "has no comma before it"), good(3, 3, "{\"a\": 1}")];
        assert_eq!(all("[{}\n{\"b\": [2]},\n{\"a\": 1}]"), expected);
        let expected = [good(1, 1, "{}"), bad(1, 2, "has no comma before it"), good(1, 3, "{}")];
        assert_eq!(all("[{}}, {}]"), expected);
    }
}
