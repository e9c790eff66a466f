//! XML that is written as it comes: elements in the order of the calls, texts escaped.

use std::io;

use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use quick_xml::writer::Writer;

use super::text;

pub(super) struct Xml(Writer<Vec<u8>>);

impl Default for Xml {
    fn default() -> Self {
        Self(Writer::new_with_indent(Vec::new(), b' ', 1))
    }
}

impl Xml {
    /// Moves what was written to the end of `out`.
    pub(super) fn drain(&mut self, out: &mut Vec<u8>) {
        out.append(self.0.get_mut());
    }

    pub(super) fn open(&mut self, name: &str) -> io::Result<()> {
        self.0.write_event(Event::Start(BytesStart::new(name)))
    }

    pub(super) fn open_with(&mut self, name: &str, attribute: (&str, &str)) -> io::Result<()> {
        let mut start = BytesStart::new(name);
        start.push_attribute(attribute);
        self.0.write_event(Event::Start(start))
    }

    pub(super) fn close(&mut self, name: &str) -> io::Result<()> {
        self.0.write_event(Event::End(BytesEnd::new(name)))
    }

    /// An element of elements.
    pub(super) fn element(&mut self, name: &str, write: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        self.open(name)?;
        write(self)?;
        self.close(name)
    }

    /// An element of text.
    pub(super) fn text(&mut self, name: &str, content: &str) -> io::Result<()> {
        self.open(name)?;
        self.content(content)?;
        self.close(name)
    }

    /// An element of text, within elements that have only this: `nested(&["Sts", "Cd"], "BOOK")`.
    pub(super) fn nested(&mut self, names: &[&str], content: &str) -> io::Result<()> {
        for name in names {
            self.open(name)?;
        }
        self.content(content)?;
        for name in names.iter().rev() {
            self.close(name)?;
        }
        Ok(())
    }

    /// The text of the element that is open.
    pub(super) fn content(&mut self, content: &str) -> io::Result<()> {
        self.0.write_event(Event::Text(BytesText::new(&text::xml(content))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_nested_and_texts_escaped() {
        let mut xml = Xml::default();
        xml.open_with("a", ("b", "\"<"))
            .and_then(|()| xml.nested(&["c", "d"], "1 < 2 & 3\u{0}"))
            .and_then(|()| xml.element("e", |xml| xml.text("f", "g")))
            .and_then(|()| xml.close("a"))
            .unwrap();
        let mut out = b"x".to_vec();
        xml.drain(&mut out);
        let expected = "x<a b=\"&quot;&lt;\">\n <c>\n  <d>1 &lt; 2 &amp; 3</d>\n </c>\n <e>\n  <f>g</f>\n </e>\n</a>";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
