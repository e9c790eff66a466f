//! The file is read back by its own table of places, as readers of PDF do.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::super::fixture::{Case, bytes};
use super::*;

/// A file, by its objects.
struct Objects {
    objects: Vec<Vec<u8>>,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Finds the objects by the table at the end, whose places have to be right.
fn read(file: &[u8]) -> Objects {
    assert!(file.starts_with(b"%PDF-1.7\n") && file.ends_with(b"%%EOF\n"));
    let tail = text(&file[file.len() - 40..]);
    let begun: usize = tail.split("startxref\n").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
    assert!(file[begun..].starts_with(b"xref\n0 "));
    let table = text(&file[begun..]);
    let count: usize = table.lines().nth(1).unwrap()[2..].parse().unwrap();
    let entries: Vec<&str> = table.split_inclusive('\n').skip(2).take(count).collect();
    assert!(entries.iter().all(|entry| entry.len() == 20) && entries[0].starts_with("0000000000 65535 f"));
    assert!(table.contains(&format!("/Size {count}/")));
    let objects = entries.iter().enumerate().skip(1).map(|(number, entry)| {
        let place: usize = entry[..10].parse().unwrap();
        let head = format!("{number} 0 obj\n");
        assert!(file[place..].starts_with(head.as_bytes()), "{number} is not at {place}");
        file[place + head.len()..begun].to_vec()
    });
    Objects { objects: objects.collect() }
}

impl Objects {
    /// An object's text up to its end.
    fn object(&self, number: usize) -> String {
        text(&self.objects[number - 1]).split("endobj").next().unwrap().to_owned()
    }

    fn pages(&self) -> usize {
        (self.objects.len() - 5) / 2
    }

    /// The drawing commands of a page, counted from 1.
    fn content(&self, page: usize) -> String {
        let object = &self.objects[3 + 2 * page];
        let head = text(&object[..200.min(object.len())]);
        let length: usize = head.split("/Length ").nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
        let begun = head.find("stream\n").unwrap() + "stream\n".len();
        // The head is ASCII up to here, so places in the text are places in the bytes.
        let mut drawn = Vec::new();
        ZlibDecoder::new(&object[begun..begun + length]).read_to_end(&mut drawn).unwrap();
        text(&drawn)
    }
}

#[test]
fn a_statement_of_one_page_has_head_entries_and_balances() {
    let file = read(&bytes(Pdf::default(), &Case::usual()));
    assert_eq!(file.pages(), 1);
    let content = file.content(1);
    for shown in [
        "(First Bank)",
        "(Account statement)",
        "(DE46 0000 0000 0000 0000 01)",
        "(BOBADEFFXXX)",
        "(2026-01-01 to 2026-01-31 \\(Europe/Berlin\\))",
        "(Opening balance)",
        "(5.20)",
        "(2026-01-21)",
        "(500.00)",
        "(-509.50)",
        "(Reference: INVOICE-7)",
        "(Closing balance)",
        "(-5.20)",
        "(Debits: 3)",
        "(-510.70)",
        "(Page 1 of 1)",
    ] {
        let unescaped = shown.replace("\\(", "(").replace("\\)", ")");
        assert!(content.contains(shown) || content.contains(&unescaped), "{shown} in {content}");
    }
    assert!(!content.contains("PROVISIONAL") && !content.contains("forward"));
}

#[test]
fn pages_are_numbered_and_carry_their_balance_forward() {
    let case = Case::of(100);
    let file = read(&bytes(Pdf::default(), &case));
    let pages = file.pages();
    assert!((8..15).contains(&pages), "{pages}");
    let tree = file.object(2);
    assert!(tree.contains(&format!("/Count {pages}")), "{tree}");
    assert_eq!(tree.matches(" 0 R").count(), pages + 2, "the pages and two fonts: {tree}");
    for number in 1..=pages {
        let content = file.content(number);
        assert!(content.contains(&format!("(Page {number} of {pages})")), "{content}");
        assert_eq!(content.contains("(Carried forward)"), number < pages);
        assert_eq!(content.contains("(Brought forward)"), number > 1);
        assert_eq!(content.contains("(Closing balance)"), number == pages);
        let page = file.object(5 + 2 * number);
        assert!(
            page.contains("/Parent 2 0 R") && page.contains(&format!("/Contents {} 0 R", 4 + 2 * number)),
            "{page}"
        );
    }
    let all: String = (1..=pages).map(|number| file.content(number)).collect();
    assert_eq!(all.matches("(Reference: MANY)").count(), 100);
}

#[test]
fn every_number_of_entries_has_as_many_pages_as_were_counted() {
    for count in 0..60 {
        let file = read(&bytes(Pdf::default(), &Case::of(count)));
        let pages = file.pages();
        assert!(file.content(pages).contains(&format!("(Page {pages} of {pages})")), "{count} entries");
    }
}

#[test]
fn a_provisional_statement_is_marked_on_every_page_and_in_its_title() {
    let mut case = Case::of(60);
    case.statement.is_provisional = true;
    let file = read(&bytes(Pdf::default(), &case));
    assert!((1..=file.pages()).all(|number| file.content(number).contains("PROVISIONAL")));
    assert!(
        file.object(5).contains("(provisional)") || file.object(5).contains("\\(provisional\\)"),
        "{}",
        file.object(5)
    );
    assert!(file.content(file.pages()).contains("(Balance so far)"));
}

#[test]
fn only_the_creation_time_differs_between_two_of_the_same() {
    let mut case = Case::of(60);
    let first = bytes(Pdf::default(), &case);
    assert_eq!(first, bytes(Pdf::default(), &case));
    case.statement.created_at += chrono::TimeDelta::seconds(3_661);
    let second = bytes(Pdf::default(), &case);
    assert_eq!(first.len(), second.len());
    let at = |file: &[u8], stamp: &str| file.windows(stamp.len()).position(|part| part == stamp.as_bytes());
    let place = at(&first, "D:20260201080000Z").unwrap();
    assert_eq!(at(&second, "D:20260201090101Z"), Some(place));
    assert_eq!((&first[..place], &first[place + 17..]), (&second[..place], &second[place + 17..]));
    let info = read(&first).object(5);
    assert!(info.contains("Account statement DE46000000000000000001 2026-01-01 to 2026-01-31"), "{info}");
    assert!(read(&first).object(1).contains("/Lang(en)"), "{}", read(&first).object(1));
}
