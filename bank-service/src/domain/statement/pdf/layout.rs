//! The places of texts and lines on the pages, in twips (twentieths of a point) from the lower left corner of A4.

use super::font::{Font, encoded, wrapped};
use crate::domain::statement::line::Line;

pub(super) const LEFT: i32 = 1_000;
pub(super) const RIGHT: i32 = 10_906;
/// The text of an entry is between these.
pub(super) const TEXT: i32 = 2_250;
const TEXT_WIDTH: i32 = 4_550;
/// Amounts and balances end here.
pub(super) const AMOUNT: i32 = 8_800;
pub(super) const BALANCE: i32 = RIGHT;

/// The heights of the first rows, on the first page and on the others.
pub(super) const FIRST_TOP: i32 = 11_700;
pub(super) const OTHER_TOP: i32 = 14_600;
/// Nothing of an entry is below this.
const BOTTOM: i32 = 1_700;
pub(super) const CARRIED: i32 = 1_300;
pub(super) const FOOTER: i32 = 700;

pub(super) const SIZE: i32 = 180;
/// A line of text, a row of one line, and what follows an entry.
pub(super) const LINE: i32 = 220;
pub(super) const ROW: i32 = 300;
pub(super) const GAP: i32 = 90;
/// The rows after the last entry: the closing balance and the sums.
pub(super) const END: i32 = 4 * ROW;

/// The most characters of a name and of a description once they are transliterated.
const LONGEST: usize = 300;

/// Fills pages from top to bottom. The same heights in the same order fill the same pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// The page that is being filled, from 1.
    pub(super) page: u32,
    /// The height of the next row.
    pub(super) y: i32,
}

impl Default for Layout {
    fn default() -> Self {
        Self { page: 1, y: FIRST_TOP - ROW }
    }
}

impl Layout {
    /// Makes room for something of this height, and says whether that is on a new page.
    pub(super) fn turns_for(&mut self, height: i32) -> bool {
        let is_turned = self.y - height < BOTTOM;
        if is_turned {
            self.page = self.page.saturating_add(1);
            self.y = OTHER_TOP - ROW;
        }
        is_turned
    }

    /// The place of something of this height, and moves below it.
    pub(super) fn place(&mut self, height: i32) -> i32 {
        let y = self.y;
        self.y -= height;
        y
    }
}

/// The lines of an entry's text, encoded.
pub(super) fn lines(line: &Line<'_>) -> Vec<Vec<u8>> {
    // Some characters, such as invisible ones, have no form in the font.
    let has_form = |text: &&str| encoded(text, LONGEST).iter().any(|byte| *byte != b' ');
    let title = match line.counterparty.filter(has_form) {
        Some(name) => format!("{}: {name}", line.word()),
        None => line.word().to_owned(),
    };
    let reference = line.reference.filter(has_form).map(|reference| format!("Reference: {reference}"));
    let parts = [Some(title), line.counterparty_iban.clone(), reference, line.description.map(str::to_owned)];
    let wrap = |text: String| wrapped(&encoded(&text, LONGEST), Font::Regular, SIZE, TEXT_WIDTH);
    parts.into_iter().flatten().flat_map(wrap).collect()
}

/// The height of an entry with so many lines.
pub(super) fn height(lines: usize) -> i32 {
    i32::try_from(lines.max(1)).unwrap_or(i32::MAX).saturating_mul(LINE).saturating_add(GAP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::statement::fixture::Case;

    #[test]
    fn the_longest_entry_fits_on_a_page() {
        // A name, an IBAN, a reference, a description, each as long as can be, in narrow lines of broad characters.
        let broad = encoded(&"W".repeat(LONGEST), LONGEST);
        let most = wrapped(&broad, Font::Regular, SIZE, TEXT_WIDTH).len() * 3 + 1;
        assert!(height(most) < FIRST_TOP - ROW - BOTTOM, "{most} lines");
    }

    #[test]
    fn an_amount_does_not_reach_into_the_text_nor_a_balance_into_an_amount() {
        let largest = crate::domain::statement::amount::grouped(-9_007_199_254_740_991, 2);
        let width = Font::Regular.width(largest.as_bytes(), SIZE);
        assert!(AMOUNT - width >= TEXT + TEXT_WIDTH && BALANCE - width >= AMOUNT, "{width}");
    }

    #[test]
    fn what_does_not_fit_turns_the_page() {
        let mut layout = Layout::default();
        let mut placed = 0;
        while !layout.turns_for(height(3)) {
            assert!(layout.place(height(3)) >= BOTTOM + height(3));
            placed += 1;
        }
        assert_eq!((layout.page, layout.y), (2, OTHER_TOP - ROW));
        assert!((8..20).contains(&placed), "{placed}");
    }

    #[test]
    fn an_entry_has_its_texts_in_lines() {
        let case = Case::usual();
        let line = Line::of(&case.views[0], case.statement.calendar);
        let texts: Vec<_> = lines(&line).into_iter().map(|line| String::from_utf8(line).unwrap()).collect();
        assert_eq!(texts, ["Transfer: Bob", "DE19**************0002", "Reference: INVOICE-7", "Rent & \"heating\""]);
    }

    #[test]
    fn a_text_that_the_font_has_no_form_for_has_no_line() {
        for text in ["\u{ffff}", "\u{200b}", "\u{7}"] {
            let case = Case::usual().with_texts(text);
            let line = Line::of(&case.views[0], case.statement.calendar);
            assert_eq!(lines(&line), [b"Transfer: Bob".to_vec(), b"DE19**************0002".to_vec()], "{text:?}");
        }
    }
}
