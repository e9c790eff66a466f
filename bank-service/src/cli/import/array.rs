//! The elements of a JSON array of any length, each bounded.

use std::io::{self, BufRead};

use super::lines::{Line, Lines, MAX_LINE};
use super::not_whole;
use super::place::Place;

/// Reads the elements behind an array's opening bracket. A fault of the array itself is an error: the file is not whole.
#[derive(Default)]
pub(super) struct Elements {
    /// How many elements have begun.
    begun: u64,
    has_ended: bool,
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
    /// The next element with its place; none at the end.
    pub(super) fn next<R: BufRead>(&mut self, lines: &mut Lines<R>) -> io::Result<Option<(Place, Line)>> {
        if self.has_ended {
            return Ok(None);
        }
        let first = lines.first_byte()?;
        let line = lines.line();
        match first {
            None => Err(not_closed(lines)),
            Some(b']') if self.begun > 0 => {
                Err(not_whole(Place::line(line), "the array has a comma behind its last element"))
            }
            Some(b']') => {
                lines.next_byte()?;
                self.end(lines)?;
                Ok(None)
            }
            Some(_) => {
                self.begun += 1;
                let place = Place { line, row: Some(self.begun) };
                Ok(Some((place, self.element(place, lines)?)))
            }
        }
    }

    /// Reads an element, and what separates it from the next one.
    fn element<R: BufRead>(&mut self, place: Place, lines: &mut Lines<R>) -> io::Result<Line> {
        let limit = usize::try_from(MAX_LINE).unwrap_or(usize::MAX);
        let (mut raw, mut position, mut is_short) = (Vec::new(), Position::default(), true);
        loop {
            let byte = lines.next_byte()?.ok_or_else(|| not_whole(place, "the file ends within it"))?;
            if position.is_end(byte) {
                if byte == b']' {
                    self.end(lines)?;
                }
                break;
            }
            is_short &= raw.len() < limit;
            if is_short {
                raw.push(byte);
            }
            if position.follow(byte) {
                match lines.first_byte()? {
                    Some(b',' | b']') => {}
                    None => return Err(not_closed(lines)),
                    Some(_) => {
                        let next = Place { line: lines.line(), row: Some(self.begun + 1) };
                        return Err(not_whole(next, "has no comma before it"));
                    }
                }
            }
        }
        if !is_short {
            return Ok(Err("is longer than 16 KiB"));
        }
        Ok(String::from_utf8(raw).map_err(|_| "is not UTF-8"))
    }

    /// Text behind the array is a fault: otherwise it would be lost silently.
    fn end<R: BufRead>(&mut self, lines: &mut Lines<R>) -> io::Result<()> {
        self.has_ended = true;
        match lines.first_byte()? {
            None => Ok(()),
            Some(_) => Err(not_whole(Place::line(lines.line()), "there is text behind the end of the array")),
        }
    }
}

fn not_closed<R: BufRead>(lines: &Lines<R>) -> io::Error {
    not_whole(Place::line(lines.line()), "the array is not closed at the end of the file")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The elements, and the fault of the array, if it has one.
    fn all(text: &str) -> (Vec<(Place, Line)>, Option<String>) {
        let mut lines = Lines::over(text.as_bytes());
        assert_eq!(lines.first_byte().unwrap(), Some(b'['));
        lines.next_byte().unwrap();
        let (mut elements, mut found) = (Elements::default(), Vec::new());
        loop {
            match elements.next(&mut lines) {
                Ok(Some(element)) => found.push(element),
                Ok(None) => return (found, None),
                Err(fault) => return (found, Some(fault.to_string())),
            }
        }
    }

    fn good(line: u64, row: u64, text: &str) -> (Place, Line) {
        (Place { line, row: Some(row) }, Ok(text.to_owned()))
    }

    #[test]
    fn each_element_comes_with_its_number_and_the_line_it_begins_on() {
        let text = "\u{feff}\n[\r\n  {\"a\": \"],{\\\" [\"},\n  {\"b\": [1, 2]}\n]\n";
        assert_eq!(all(text), (vec![good(3, 1, "{\"a\": \"],{\\\" [\"}"), good(4, 2, "{\"b\": [1, 2]}")], None));
        assert_eq!(all("[]"), (vec![], None));
        assert_eq!(all(" [ \n ] \n"), (vec![], None));
        assert_eq!(all("[1,,2]"), (vec![good(1, 1, "1"), good(1, 2, ""), good(1, 3, "2")], None));
    }

    #[test]
    fn an_element_that_is_too_long_is_a_fault_of_its_own() {
        let long = format!("[{{\"a\": \"{}\"}}, {{}}]", "x".repeat(100_000));
        let place = Place { line: 1, row: Some(1) };
        assert_eq!(all(&long), (vec![(place, Err("is longer than 16 KiB")), good(1, 2, "{}")], None));
        let cut = all(&format!("[{{\"a\": \"{}", "x".repeat(100_000)));
        assert_eq!(cut, (vec![], Some("row 1 (line 1): the file ends within it".to_owned())));
    }

    #[test]
    fn an_array_that_is_not_whole_is_refused_by_the_place_of_its_fault() {
        let open = "the array is not closed at the end of the file";
        let behind = "there is text behind the end of the array";
        let trailing = "the array has a comma behind its last element";
        for (text, fault) in [
            ("[", format!("line 1: {open}")),
            ("[{}", format!("line 1: {open}")),
            ("[{},\n{},\n", format!("line 3: {open}")),
            ("[{},\n{\"a\": 1", "row 2 (line 2): the file ends within it".to_owned()),
            ("[{},\n{\"a\": \"x", "row 2 (line 2): the file ends within it".to_owned()),
            ("[{},\n1", "row 2 (line 2): the file ends within it".to_owned()),
            ("[{},\n]", format!("line 2: {trailing}")),
            ("[{}\n{\"b\": [2]},\n{\"a\": 1}]", "row 2 (line 2): has no comma before it".to_owned()),
            ("[{}}, {}]", "row 2 (line 1): has no comma before it".to_owned()),
            ("[{}]\n{\"a\": 1}", format!("line 2: {behind}")),
            ("[]\n[]", format!("line 2: {behind}")),
        ] {
            assert_eq!(all(text).1, Some(fault), "{text}");
        }
    }
}
