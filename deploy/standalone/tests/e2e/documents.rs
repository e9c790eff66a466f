//! The tables of docs/configuration.md are those of `--help`. `UPDATE_CONFIGURATION=1` writes them anew.

use std::fmt::Write;
use std::path::PathBuf;

use crate::help::{BINARIES, Setting, settings};

fn root() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", ".."].iter().collect()
}

fn page() -> PathBuf {
    root().join("docs/configuration.md")
}

fn table(settings: &[Setting]) -> String {
    let mut table = "| flag | variable | default | meaning |\n|---|---|---|---|\n".to_owned();
    let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
    for Setting { flag, variable, default, meaning } in settings {
        let meaning = cell(meaning);
        writeln!(table, "| `{flag}` | {} | {} | {meaning} |", code(variable), code(default)).unwrap();
    }
    table
}

/// A text in a cell: addresses without their brackets, and no other markup than code.
fn cell(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(at, part)| match at % 2 {
        0 => {
            part.replace("<https://", "https://").replace(".com>", ".com").replace(".net>", ".net").replace('<', "&lt;")
        }
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("`").replace('|', "\\|")
}

/// The text before a binary's table, the table, and the text after it.
fn split<'a>(text: &'a str, binary: &str) -> [&'a str; 3] {
    let begin = format!("<!-- configuration of {binary} -->\n");
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("the page has no {begin}"));
    let (found, after) = rest.split_once("<!-- end -->").expect("the table has an end");
    [text.get(..before.len() + begin.len()).unwrap(), found, after]
}

#[test]
fn the_configuration_tables_are_those_of_help() {
    let mut text = std::fs::read_to_string(page()).unwrap();
    let mut stale = Vec::new();
    for binary in BINARIES {
        let expected = table(&settings(binary));
        let [before, found, after] = split(&text, binary);
        if found != expected {
            stale.push(format!("{binary}:\n{expected}"));
            text = format!("{before}{expected}<!-- end -->{after}");
        }
    }
    if std::env::var_os("UPDATE_CONFIGURATION").is_some() {
        std::fs::write(page(), text).unwrap();
    } else {
        assert!(stale.is_empty(), "not as in --help; UPDATE_CONFIGURATION=1 writes them:\n{}", stale.join("\n"));
    }
}

#[test]
fn every_page_that_a_document_links_to_is_there() {
    let root = root();
    let mut pages = Vec::new();
    for folder in ["", "docs", "docs/decisions", "docs/events", "bank-service", "log-service", "email-service"] {
        let entries = std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        pages.extend(entries.filter(|path| path.extension().is_some_and(|end| end == "md")));
    }
    assert!(pages.len() > 10, "{pages:?}");
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let local = links.filter(|link| !link.contains("://") && !link.starts_with('#'));
        let there = |link: &&str| page.with_file_name(link.split('#').next().unwrap()).exists();
        let missing: Vec<&str> = local.filter(|link| !there(link)).collect();
        assert!(missing.is_empty(), "{}: {missing:?}", page.display());
    }
}
