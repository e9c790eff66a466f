//! MT940, the customer statement message of SWIFT: lines that end in CRLF, in its character set X.
//!
//! A long statement is several messages of at most 2,000 characters, as SWIFT has it: each but the last ends with an intermediate
//! balance (`:62M:`), with which the next one begins (`:60M:`). A statement with an amount of more than the 15 characters that SWIFT
//! has room for cannot be written.

use std::io;

use chrono::{Datelike, NaiveDate};

use super::line::Line;
use super::{Statement, StatementWriter, amount, text};
use crate::domain::ledger::{EntryView, TransferKind};

/// The most characters of a message.
const LONGEST_MESSAGE: usize = 2_000;
/// The most that its end takes: the closing balance, and the line that ends it.
const END: usize = 64;
/// `:28C:` has five digits for the number of a message. The last one of those takes what is left.
const MESSAGES: u32 = 99_999;
const LINE: usize = 65;
/// `:86:` has so many lines.
const LINES: usize = 6;
const REFERENCE: usize = 16;
/// The most of a reference, and of a name, in `:86:`: a character of theirs can be a whole phrase in SWIFT's, and what stands behind them
/// has to fit, too. Three characters for each of a reference's.
const PART: usize = 105;
const NO_REFERENCE: &str = "NONREF";
/// Those of the parts of `:86:`.
const CODE_WORDS: [&str; 3] = ["EREF", "NAME", "REMI"];
/// A line that begins with one is a field, or the end of a message.
const FIELD_MARKS: [char; 2] = [':', '-'];

#[derive(Default)]
pub struct Mt940 {
    /// The number of the message, from 1.
    message: u32,
    /// How long it is so far, and whether it has an entry.
    length: usize,
    has_entry: bool,
    /// Booked last.
    balance: i64,
    date: NaiveDate,
}

impl StatementWriter for Mt940 {
    fn begin(&mut self, statement: &Statement, out: &mut Vec<u8>) -> io::Result<()> {
        (self.balance, self.date) = (statement.opening_balance, statement.period.from);
        self.open(statement, "60F", out);
        Ok(())
    }

    fn entry(&mut self, statement: &Statement, view: &EntryView, out: &mut Vec<u8>) -> io::Result<()> {
        let line = Line::of(view, statement.calendar);
        let field = entry(statement, &line);
        let is_full = self.length.saturating_add(field.len()).saturating_add(END) > LONGEST_MESSAGE;
        if is_full && self.has_entry && self.message < MESSAGES {
            let balance = balance(statement, "62M", self.balance, self.date);
            out.extend_from_slice(format!("{balance}-\r\n").as_bytes());
            self.open(statement, "60M", out);
        }
        self.append(&field, out);
        (self.has_entry, self.balance, self.date) = (true, line.balance, line.date);
        Ok(())
    }

    fn end(&mut self, statement: &Statement, out: &mut Vec<u8>) -> io::Result<()> {
        let balance = balance(statement, "62F", statement.closing_balance, statement.period.to);
        out.extend_from_slice(format!("{balance}-\r\n").as_bytes());
        Ok(())
    }
}

impl Mt940 {
    fn open(&mut self, statement: &Statement, tag: &str, out: &mut Vec<u8>) {
        self.message = self.message.saturating_add(1);
        (self.length, self.has_entry) = (0, false);
        let number = statement.period.from.format("%y%j");
        let head = format!(
            ":20:{}\r\n:25:{}\r\n:28C:{number}/{}\r\n{}",
            id(statement),
            text::cut(&text::swift(&statement.account()), 35),
            self.message,
            balance(statement, tag, self.balance, self.date),
        );
        self.append(&head, out);
    }

    fn append(&mut self, field: &str, out: &mut Vec<u8>) {
        self.length = self.length.saturating_add(field.len());
        out.extend_from_slice(field.as_bytes());
    }
}

/// Derived from account and period: the first day, how many there are, and the account, both to the base of 36. 16 characters.
fn id(statement: &Statement) -> String {
    let days = base_36(statement.period.days());
    let account = base_36(statement.account_id.get());
    let account = account.get(account.len().saturating_sub(8)..).unwrap_or(&account);
    format!("{}{days:0>2}{account:0>8}", statement.period.from.format("%y%m%d"))
}

fn base_36(number: i64) -> String {
    let mut digits = Vec::new();
    let mut rest = number.unsigned_abs();
    loop {
        let digit = u32::try_from(rest % 36).ok().and_then(|digit| char::from_digit(digit, 36));
        digits.push(digit.unwrap_or('0').to_ascii_uppercase());
        rest /= 36;
        if rest == 0 {
            return digits.iter().rev().collect();
        }
    }
}

fn balance(statement: &Statement, tag: &str, minor: i64, date: NaiveDate) -> String {
    let mark = if minor < 0 { 'D' } else { 'C' };
    let number = amount::swift(minor.into(), statement.places());
    format!(":{tag}:{mark}{}{}{number}\r\n", date.format("%y%m%d"), statement.currency.code())
}

/// The fields 61 and 86 of an entry.
fn entry(statement: &Statement, line: &Line<'_>) -> String {
    let mark = match (line.is_reversal(), line.is_credit()) {
        (false, true) => "C",
        (false, false) => "D",
        (true, true) => "RD",
        (true, false) => "RC",
    };
    format!(
        ":61:{}{:02}{:02}{mark}{}N{}{}//{}\r\n:86:{}\r\n",
        line.date.format("%y%m%d"),
        line.date.month(),
        line.date.day(),
        amount::swift(line.size(), statement.places()),
        code(line.kind),
        reference(line.reference),
        line.seq,
        narrative(line),
    )
}

/// The transaction types of SWIFT.
fn code(kind: TransferKind) -> &'static str {
    match kind {
        TransferKind::Transfer | TransferKind::Closing => "TRF",
        TransferKind::Reversal => "RTI",
        TransferKind::Deposit | TransferKind::Withdrawal | TransferKind::Opening | TransferKind::Adjustment => "MSC",
    }
}

/// The first 16 characters of a reference, without a slash at either end and without two in a row.
fn reference(given: Option<&str>) -> String {
    let mut written = text::swift(given.unwrap_or_default());
    while written.contains("//") {
        written = written.replace("//", "/");
    }
    let is_edge = |c: char| c == '/' || c == ' ';
    let first = text::cut(written.trim_matches(is_edge), REFERENCE).trim_end_matches(is_edge);
    if first.is_empty() { NO_REFERENCE.to_owned() } else { first.to_owned() }
}

/// The kind, the whole reference, the other side and the description, each behind its code word.
fn narrative(line: &Line<'_>) -> String {
    let mut words = line.word().to_ascii_uppercase();
    let parts = [(line.reference, PART), (line.counterparty, PART), (line.description, usize::MAX)];
    for (code, (part, most)) in CODE_WORDS.into_iter().zip(parts) {
        let part = text::swift(part.unwrap_or_default());
        let part = without_code_words(text::cut(&part, most).trim_end());
        if !part.is_empty() {
            words = format!("{words} /{code}/{part}");
        }
    }
    lines(&words).join("\r\n")
}

/// A text that no reader takes for more than one part: a code word in it, in letters of either case, ends with a dot.
fn without_code_words(part: &str) -> String {
    // The slash of its own code word comes before it.
    let mut text = format!("/{part}");
    for code in CODE_WORDS.map(|code| format!("/{code}/")) {
        while let Some(at) = text.to_ascii_uppercase().find(&code) {
            let slash = at.saturating_add(code.len()).saturating_sub(1);
            text.replace_range(slash..=slash, ".");
        }
    }
    text.split_off(1)
}

/// Cuts a text into lines, between words if it can, and leaves out what is beyond them. No line begins as a field or the end of a
/// message would, nor ends with a space, which readers drop: where every cut would begin one so, a dot is put before it.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::with_capacity(LINES);
    let mut rest = text.trim().to_owned();
    while lines.len() < LINES && !rest.is_empty() {
        let whole = rest.len().min(LINE);
        let is_end = |end: usize, is_between_words: bool| match rest.split_at_checked(end) {
            Some((line, next)) if is_between_words && !next.is_empty() => !line.ends_with(' ') && next.starts_with(' '),
            Some((line, next)) => !line.ends_with(' ') && !next.starts_with(FIELD_MARKS),
            None => false,
        };
        let last = |is_between_words| (whole / 2..=whole).rev().find(|end| is_end(*end, is_between_words));
        let end = last(true).or_else(|| last(false)).unwrap_or(whole);
        let (line, next) = rest.split_at_checked(end).unwrap_or((rest.as_str(), ""));
        let dot = if next.starts_with(FIELD_MARKS) { "." } else { "" };
        lines.push(line.to_owned());
        rest = format!("{dot}{next}");
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::StatementFormat;
    use super::super::fixture::{Case, written};
    use super::*;

    #[test]
    fn the_statement_is_written_as_the_golden_file_has_it() {
        let golden = include_str!("golden/statement.mt940");
        assert_eq!(written(Mt940::default(), &Case::usual()).replace("\r\n", "\n"), golden);
    }

    #[test]
    fn a_long_statement_is_several_messages_that_go_on_where_the_last_one_ended() {
        let case = Case::of(40);
        let text = written(Mt940::default(), &case);
        let messages: Vec<&str> = text.split_terminator("-\r\n:20:").collect();
        assert!(messages.len() > 3 && messages.iter().all(|message| message.len() <= LONGEST_MESSAGE), "{text}");
        let field = |message: &str, tag: &str| {
            message.lines().find_map(|line| line.strip_prefix(tag)).map(str::to_owned).unwrap_or_default()
        };
        for (number, pair) in messages.windows(2).enumerate() {
            assert_eq!(field(pair[0], ":62M:"), field(pair[1], ":60M:"), "{number}");
            assert!(!pair[0].contains(":62F:") && !pair[1].contains(":60F:"), "{number}");
            assert_eq!(field(pair[1], ":28C:"), format!("26001/{}", number + 2));
        }
        assert_eq!(text.matches(":61:").count(), 40);
        assert!(messages[0].contains(":60F:") && messages[messages.len() - 1].contains(":62F:"));
    }

    #[test]
    fn a_reference_fits_and_has_no_slash_at_its_ends_nor_two_in_a_row() {
        for (given, expected) in [
            (None, "NONREF"),
            (Some("//"), "NONREF"),
            (Some("INVOICE-7"), "INVOICE-7"),
            (Some("/a//b///c/"), "a/b/c"),
            (Some("0123456789ABCDE/F"), "0123456789ABCDE"),
            (Some("0123456789ABCDEFGH"), "0123456789ABCDEF"),
            (Some("Mönch"), "Monch"),
        ] {
            assert_eq!(reference(given), expected, "{given:?}");
        }
    }

    #[test]
    fn no_line_of_a_text_is_read_as_a_field() {
        let text = format!("{}-{}", "a".repeat(65), "b".repeat(65));
        assert_eq!(lines(&text), ["a".repeat(64), format!("a-{}", "b".repeat(63)), "bb".to_owned()]);
        let text = format!("{} :62F: {}", "a".repeat(63), "b".repeat(400));
        let cut = lines(&text);
        assert_eq!(cut.len(), LINES);
        assert!(cut.iter().all(|line| line.len() <= LINE && !line.starts_with([':', '-']) && !line.ends_with(' ')));
        assert_eq!(lines(""), Vec::<String>::new());
    }

    #[test]
    fn a_text_that_can_be_cut_before_a_mark_alone_gets_a_dot_there() {
        let field = ":61:2611261126C9999,00NTRFINV-4712//77";
        let text = format!("{}{}{field}", "x".repeat(32), "-".repeat(33));
        assert_eq!(lines(&text), [format!("{}{}", "x".repeat(32), "-".repeat(33)), format!(".{field}")]);
        let cut = lines(&"-".repeat(500));
        assert_eq!(cut.len(), LINES);
        assert!(cut.iter().skip(1).all(|line| line.len() == LINE && line.starts_with(".-")), "{cut:?}");
    }

    #[test]
    fn a_part_is_not_taken_for_another_one() {
        for (given, expected) in [
            ("AB/CD//1", "AB/CD//1"),
            ("rent /NAME/The bank", "rent /NAME.The bank"),
            ("REMI/x/EREF/NAME/y", "REMI.x/EREF.NAME/y"),
            ("/eref/x /Name/y", "/eref.x /Name.y"),
            ("/REMI/REMI/REMI/", "/REMI.REMI/REMI."),
            ("FILENAME/3", "FILENAME/3"),
            ("", ""),
        ] {
            assert_eq!(without_code_words(given), expected, "{given}");
        }
    }

    #[test]
    fn a_text_that_grows_in_the_characters_of_swift_leaves_room_for_the_others() {
        for text in ["\u{fdfd}".repeat(35), "\u{1f600}".repeat(35)] {
            let mut case = Case::usual();
            for transfer in case.views.iter_mut().filter_map(|view| view.transfer.as_mut()) {
                transfer.text.reference = Some(text.clone());
                transfer.text.description = Some("the rent of May".to_owned());
            }
            let written = written(Mt940::default(), &case).replace("\r\n", "");
            for code in ["/EREF/", "/REMI/the rent of May"] {
                assert_eq!(written.matches(code).count(), case.views.len(), "{code} in {written}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_adds_a_field_or_ends_a_message(text in "[a-c ]{0,70}[-:]{0,110}[-:0-9F ]{0,40}") {
            for line in lines(&text::swift(&text)).iter().skip(1) {
                prop_assert!(line.len() <= LINE && !line.starts_with(FIELD_MARKS), "{line}");
            }
            let case = Case::usual().with_texts(&text);
            let written = written(Mt940::default(), &case);
            let count = |mark: &str| written.lines().filter(|line| line.starts_with(mark)).count();
            prop_assert_eq!((count(":61:"), count(":86:")), (case.views.len(), case.views.len()));
            // Each message has three fields and two balances, and one end.
            let messages = count(":20:");
            prop_assert_eq!((count(":"), count("-")), (5 * messages + 2 * case.views.len(), messages));
        }
    }

    #[test]
    fn the_largest_amount_has_15_characters() {
        let largest = StatementFormat::Mt940.largest_amount().unwrap();
        for places in [0, 2, 3] {
            let length = |minor: i64| amount::swift(minor.into(), places).len();
            assert_eq!((length(largest), length(largest + 1)), (15, 16), "{places}");
        }
    }

    #[test]
    fn an_id_is_of_16_characters_and_the_account_and_period_alone() {
        let mut case = Case::usual();
        assert_eq!(id(&case.statement), "2601010V00000001");
        case.statement.account_id = shared_events::AccountId::try_new(9_007_199_254_740_991).unwrap();
        assert_eq!(id(&case.statement).len(), 16);
        assert_eq!((base_36(0), base_36(35), base_36(36)), ("0".to_owned(), "Z".to_owned(), "10".to_owned()));
    }
}
