//! A statement on paper: A4 pages, each with a head, a running balance and `Page x of y`.
//!
//! The number of pages is found by a first pass over the entries, which lays them out without writing them. Then each page is
//! written as it is full. Characters that the fonts do not have are transliterated; a name or a description of more than 300
//! characters after that is cut.

mod file;
mod font;
mod layout;
mod page;

use std::io;

use file::File;
use font::Font::{Bold, Regular};
use layout::{
    AMOUNT, BALANCE, CARRIED, END, FIRST_TOP, FOOTER, LEFT, LINE, Layout, OTHER_TOP, RIGHT, ROW, SIZE, TEXT, height,
    lines,
};
use page::Page;

use super::line::Line;
use super::{Statement, StatementWriter, Sum, amount};
use crate::domain::iban::grouped;
use crate::domain::ledger::EntryView;

const PROVISIONAL: &str = "PROVISIONAL: entries of this period may still come";
const SMALL: i32 = 160;
const LARGE: i32 = 320;
/// The distance of a row's rule from the feet of its text.
const DESCENT: i32 = 80;

#[derive(Default)]
pub struct Pdf {
    file: File,
    layout: Layout,
    /// How many pages there are.
    pages: u32,
    page: Option<Page>,
    /// After the last entry.
    balance: i64,
}

impl StatementWriter for Pdf {
    fn is_measuring(&self) -> bool {
        true
    }

    fn measure(&mut self, statement: &Statement, view: &EntryView) {
        let height = height(lines(&Line::of(view, statement.calendar)).len());
        self.layout.turns_for(height);
        self.layout.place(height);
    }

    fn begin(&mut self, statement: &Statement, out: &mut Vec<u8>) -> io::Result<()> {
        self.layout.turns_for(END);
        (self.pages, self.layout) = (self.layout.page, Layout::default());
        self.balance = statement.opening_balance;
        self.file.begin(out);
        let mut page = Page::new();
        first_head(&mut page, statement);
        columns(&mut page, FIRST_TOP);
        balance_row(&mut page, statement, FIRST_TOP, "Opening balance", self.balance);
        self.page = Some(page);
        Ok(())
    }

    fn entry(&mut self, statement: &Statement, view: &EntryView, out: &mut Vec<u8>) -> io::Result<()> {
        let line = Line::of(view, statement.calendar);
        let texts = lines(&line);
        let height = height(texts.len());
        self.make_room(statement, height, out)?;
        let y = self.layout.place(height);
        if let Some(page) = &mut self.page {
            entry(page, statement, &line, (texts.as_slice(), y));
        }
        self.balance = line.balance;
        Ok(())
    }

    fn end(&mut self, statement: &Statement, out: &mut Vec<u8>) -> io::Result<()> {
        self.make_room(statement, END, out)?;
        let y = self.layout.place(END);
        if let Some(page) = &mut self.page {
            totals(page, statement, y);
        }
        self.finish_page(statement, self.layout.page, out)?;
        self.file.end(&title(statement), statement.created_at, out)
    }
}

impl Pdf {
    /// Goes on with the next page if what comes does not fit on this one.
    fn make_room(&mut self, statement: &Statement, height: i32, out: &mut Vec<u8>) -> io::Result<()> {
        let number = self.layout.page;
        if !self.layout.turns_for(height) {
            return Ok(());
        }
        if let Some(page) = &mut self.page {
            balance_row(page, statement, CARRIED, "Carried forward", self.balance);
        }
        self.finish_page(statement, number, out)?;
        let mut page = Page::new();
        other_head(&mut page, statement);
        columns(&mut page, OTHER_TOP);
        balance_row(&mut page, statement, OTHER_TOP, "Brought forward", self.balance);
        self.page = Some(page);
        Ok(())
    }

    fn finish_page(&mut self, statement: &Statement, number: u32, out: &mut Vec<u8>) -> io::Result<()> {
        let Some(mut page) = self.page.take() else { return Ok(()) };
        page.write(Regular, SMALL, (LEFT, FOOTER), &format!("Statement {}", statement.id()));
        page.write_to(Regular, SMALL, (RIGHT, FOOTER), &format!("Page {number} of {}", self.pages));
        self.file.page(&page.finish(), out)
    }
}

fn title(statement: &Statement) -> String {
    let provisional = if statement.is_provisional { " (provisional)" } else { "" };
    let period = statement.period;
    format!("Account statement {} {} to {}{provisional}", statement.account(), period.from, period.to)
}

/// The account as it is read aloud.
fn account(statement: &Statement) -> (&'static str, String) {
    match &statement.iban {
        Some(iban) => ("IBAN", grouped(iban)),
        None => ("Account", statement.account_id.to_string()),
    }
}

fn first_head(page: &mut Page, statement: &Statement) {
    page.write(Bold, LARGE, (LEFT, 15_600), &statement.bank);
    page.write(Bold, 240, (LEFT, 14_900), "Account statement");
    let period = statement.period;
    let (label, number) = account(statement);
    let servicer = statement.bic.as_ref().map_or_else(|| statement.bank_id.to_string(), ToString::to_string);
    let facts = [
        ("Account holder", statement.owner.clone()),
        (label, number),
        (if statement.bic.is_some() { "BIC" } else { "Bank" }, servicer),
        ("Period", format!("{} to {} ({})", period.from, period.to, statement.calendar)),
        ("Currency", statement.currency.code().to_owned()),
    ];
    let mut y = 14_300;
    for (label, fact) in &facts {
        page.write(Regular, SIZE, (LEFT, y), label);
        page.write(Regular, SIZE, (TEXT + 400, y), fact);
        y -= LINE + 60;
    }
    if statement.is_provisional {
        page.write(Bold, 220, (LEFT, y - 120), PROVISIONAL);
    }
}

fn other_head(page: &mut Page, statement: &Statement) {
    let (label, number) = account(statement);
    let period = statement.period;
    page.write(Bold, SIZE, (LEFT, 15_900), &statement.bank);
    page.write_to(Regular, SIZE, (RIGHT, 15_900), &format!("{label} {number}"));
    page.write(Regular, SIZE, (LEFT, 15_600), &format!("Account statement {} to {}", period.from, period.to));
    if statement.is_provisional {
        page.write(Bold, SIZE, (LEFT, 15_300), PROVISIONAL);
    }
}

/// The names of the columns, above the first row.
fn columns(page: &mut Page, top: i32) {
    let y = top + ROW + 60;
    page.band((LEFT - 60, y - DESCENT), (RIGHT - LEFT + 120, ROW));
    page.write(Bold, SIZE, (LEFT, y), "Date");
    page.write(Bold, SIZE, (TEXT, y), "Text");
    page.write_to(Bold, SIZE, (AMOUNT, y), "Amount");
    page.write_to(Bold, SIZE, (BALANCE, y), "Balance");
}

fn balance_row(page: &mut Page, statement: &Statement, y: i32, label: &str, minor: i64) {
    page.write(Bold, SIZE, (TEXT, y), label);
    page.write_to(Bold, SIZE, (BALANCE, y), &amount::grouped(minor.into(), statement.places()));
    page.rule(LEFT, RIGHT, y - DESCENT);
}

fn entry(page: &mut Page, statement: &Statement, line: &Line<'_>, (texts, top): (&[Vec<u8>], i32)) {
    page.write(Regular, SIZE, (LEFT, top), &line.date.to_string());
    page.write_to(Regular, SIZE, (AMOUNT, top), &amount::grouped(line.amount.into(), statement.places()));
    page.write_to(Regular, SIZE, (BALANCE, top), &amount::grouped(line.balance.into(), statement.places()));
    let mut y = top;
    for text in texts {
        page.text(Regular, SIZE, (TEXT, y), text);
        y -= LINE;
    }
}

/// The closing balance, and how it came about.
fn totals(page: &mut Page, statement: &Statement, top: i32) {
    page.rule(LEFT, RIGHT, top + LINE);
    let label = if statement.is_provisional { "Balance so far" } else { "Closing balance" };
    balance_row(page, statement, top, label, statement.closing_balance);
    let row = |page: &mut Page, y: i32, label: &str, sum: Sum, sign: i128| {
        page.write(Regular, SIZE, (TEXT, y), &format!("{label}: {}", sum.count));
        page.write_to(Regular, SIZE, (AMOUNT, y), &amount::grouped(sum.sum.saturating_mul(sign), statement.places()));
    };
    row(page, top - ROW - GAP_BEFORE_SUMS, "Debits", statement.totals.debits, -1);
    row(page, top - 2 * ROW - GAP_BEFORE_SUMS, "Credits", statement.totals.credits, 1);
}

/// Between the closing balance and the sums.
const GAP_BEFORE_SUMS: i32 = 60;

#[cfg(test)]
mod tests;
