//! The content of one page: texts and lines, by their places in twips.

use pdf_writer::{Content, Name, Settings, Str};

use super::font::{Font, encoded};

pub(super) struct Page(Content);

impl Page {
    pub(super) fn new() -> Self {
        let mut content = Content::with_settings(Settings { pretty: false });
        // From here on a unit is a twip: 1/20 of a point.
        content.transform([0.05, 0.0, 0.0, 0.05, 0.0, 0.0]);
        Self(content)
    }

    /// An encoded text that begins at x.
    pub(super) fn text(&mut self, font: Font, size: i32, (x, y): (i32, i32), text: &[u8]) {
        self.0
            .begin_text()
            .set_font(Name(font.name()), unit(size))
            .next_line(unit(x), unit(y))
            .show(Str(text))
            .end_text();
    }

    /// A text that begins at x.
    pub(super) fn write(&mut self, font: Font, size: i32, place: (i32, i32), text: &str) {
        self.text(font, size, place, &encoded(text, 300));
    }

    /// A text that ends at x.
    pub(super) fn write_to(&mut self, font: Font, size: i32, (x, y): (i32, i32), text: &str) {
        let text = encoded(text, 300);
        let begin = x.saturating_sub(font.width(&text, size));
        self.text(font, size, (begin, y), &text);
    }

    /// A thin line across.
    pub(super) fn rule(&mut self, from: i32, to: i32, y: i32) {
        self.0.set_line_width(10.0).move_to(unit(from), unit(y)).line_to(unit(to), unit(y)).stroke();
    }

    /// A gray area.
    pub(super) fn band(&mut self, (x, y): (i32, i32), (width, height): (i32, i32)) {
        self.0.set_fill_gray(0.92).rect(unit(x), unit(y), unit(width), unit(height)).fill_nonzero().set_fill_gray(0.0);
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0.finish().to_vec()
    }
}

/// A page is smaller than what 16 bits hold.
fn unit(twips: i32) -> f32 {
    f32::from(i16::try_from(twips).unwrap_or(i16::MAX))
}
