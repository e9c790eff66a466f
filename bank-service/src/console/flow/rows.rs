//! Rows of events as HTML, and the list of them that a page shows.
//!
//! Each row has the id of its event's number, and a list has each number once, the newest first. A row that comes again replaces its
//! own summary; a new one has its place among the others, also if its transaction ended after those of newer events. The marks are
//! htmx's `hx-swap-oob`.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use minijinja::Error;
use minijinja::value::{Serde, Value};
use serde::Serialize;

use crate::console::templates;
use crate::trace::{FlowRow, MAX_ROWS};

/// An event as it is now, and its row as HTML.
pub(super) struct LiveRow {
    pub(super) row: FlowRow,
    /// The whole list item.
    item: String,
    /// Its summary alone, to replace that of an item that is there.
    summary: String,
}

impl LiveRow {
    /// None if the template is at fault, which a test of the page shows.
    pub(super) fn render(row: FlowRow) -> Option<Self> {
        let html = |is_update| rows_html(std::slice::from_ref(&row), is_update);
        match html(false).and_then(|item| Ok((item, html(true)?))) {
            Ok((item, summary)) => Some(Self { row, item, summary }),
            Err(error) => {
                tracing::error!(%error, "a row of the console cannot be rendered");
                None
            }
        }
    }
}

/// Whole items, or with `is_update` the summaries that replace those of the same rows.
fn rows_html(rows: &[FlowRow], is_update: bool) -> Result<String, Error> {
    #[derive(Serialize)]
    struct Rows<'a> {
        rows: &'a [FlowRow],
        is_update: bool,
    }
    templates::render("flow_rows.html", Value::from(Serde(Rows { rows, is_update })))
}

/// The mark that replaces the list of the page by these rows.
pub(super) fn list_html(rows: &[FlowRow]) -> Result<String, Error> {
    Ok(format!("<ol hx-swap-oob=\"innerHTML:#flow-rows\">{}</ol>", rows_html(rows, false)?))
}

/// Another text for other rows, or for other states of the same rows.
pub(super) fn fingerprint(rows: &[FlowRow]) -> String {
    let mut hasher = DefaultHasher::new();
    rows.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// The numbers of the rows that a page shows. The oldest are removed again, so that a page that stays open does not grow.
pub(super) struct ShownList(BTreeSet<i64>);

impl ShownList {
    pub(super) fn new(rows: &[FlowRow]) -> Self {
        Self(rows.iter().map(|row| row.number).collect())
    }

    pub(super) fn newest(&self) -> i64 {
        self.0.last().copied().unwrap_or_default()
    }

    /// The HTML that brings the page up to date with these rows, the oldest of which is the first; empty without rows.
    pub(super) fn update<'a>(&mut self, changed: impl Iterator<Item = &'a Arc<LiveRow>>) -> String {
        let (mut newer, mut marks) = (String::new(), String::new());
        for live in changed {
            let number = live.row.number;
            if self.0.contains(&number) {
                marks.push_str(&live.summary);
            } else if let Some(next) = self.0.range(number..).next() {
                // Rows come by their number, so `next` is no row of this update: the page has it.
                marks.push_str(&placed_after(*next, &live.item));
            } else {
                newer.insert_str(0, &live.item);
            }
            self.0.insert(number);
        }
        while i64::try_from(self.0.len()).is_ok_and(|shown| shown > MAX_ROWS) {
            marks.extend(self.0.pop_first().map(removed));
        }
        newer + &marks
    }
}

fn placed_after(number: i64, item: &str) -> String {
    format!("<ol hx-swap-oob=\"afterend:#event-{number}\">{item}</ol>")
}

fn removed(number: i64) -> String {
    format!("<li id=\"event-{number}\" hx-swap-oob=\"delete\"></li>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: i64) -> FlowRow {
        FlowRow { number, state: "logged", ..FlowRow::default() }
    }

    fn update(list: &mut ShownList, numbers: &[i64]) -> String {
        let live = |number: &i64| {
            let (item, summary) = (format!("[item {number}]"), format!("[summary {number}]"));
            Arc::new(LiveRow { row: row(*number), item, summary })
        };
        let changed: Vec<Arc<LiveRow>> = numbers.iter().map(live).collect();
        list.update(changed.iter())
    }

    #[test]
    fn newer_rows_come_first_and_a_row_that_is_shown_replaces_its_summary() {
        let mut list = ShownList::new(&[row(7), row(5)]);
        assert_eq!(update(&mut list, &[5, 8, 9]), "[item 9][item 8][summary 5]");
        assert_eq!(update(&mut list, &[8]), "[summary 8]");
        assert_eq!((update(&mut list, &[]).as_str(), list.newest()), ("", 9));
    }

    #[test]
    fn rows_that_were_committed_late_get_their_place_once() {
        let mut list = ShownList::new(&[row(9), row(4)]);
        let after = |item: &str| format!("<ol hx-swap-oob=\"afterend:#event-9\">[item {item}]</ol>");
        assert_eq!(update(&mut list, &[6, 7, 10]), format!("[item 10]{}{}", after("6"), after("7")));
        assert_eq!(update(&mut list, &[6, 7]), "[summary 6][summary 7]");
        assert_eq!(list.newest(), 10);
    }

    #[test]
    fn beyond_its_limit_a_list_loses_its_oldest_rows() {
        let rows: Vec<FlowRow> = (1..=MAX_ROWS).map(row).collect();
        let mut list = ShownList::new(&rows);
        let removed = "<li id=\"event-1\" hx-swap-oob=\"delete\"></li>";
        assert_eq!(update(&mut list, &[MAX_ROWS + 1]), format!("[item {}]{removed}", MAX_ROWS + 1));
        assert_eq!(update(&mut list, &[2]), "[summary 2]");
    }

    #[test]
    fn a_fingerprint_changes_with_a_row_and_with_its_state() {
        let rows = [row(2), row(1)];
        let changed = [FlowRow { state: "parked", ..row(2) }, row(1)];
        assert_eq!(fingerprint(&rows), fingerprint(&[row(2), row(1)]));
        assert_ne!(fingerprint(&rows), fingerprint(&changed));
        assert_ne!(fingerprint(&rows), fingerprint(&rows[..1]));
    }
}
