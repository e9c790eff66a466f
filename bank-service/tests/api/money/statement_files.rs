//! Statements as they are sent, and what can be read of them without a parser of their format.

use std::io::Read as _;

use flate2::read::ZlibDecoder;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::support::numbers;
use crate::resources::fixture::Fixture;

/// Each format, its media type, and how its file's name ends.
pub(super) const FORMATS: [(&str, &str, &str); 6] = [
    ("json", "application/json", "json"),
    ("csv", "text/csv", "csv"),
    ("pdf", "application/pdf", "pdf"),
    ("camt.053", "application/xml", "xml"),
    ("ofx", "application/x-ofx", "ofx"),
    ("mt940", "application/x-mt940", "sta"),
];

/// A statement as it was sent.
pub(super) struct Download {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Vec<u8>,
}

impl Download {
    #[track_caller]
    pub(super) fn text(&self) -> String {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.bytes));
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }
}

pub(super) async fn download(fixture: &Fixture, token: &str, account: i64, query: &str) -> Download {
    let path = format!("/api/accounts/{account}/statement?{query}");
    let response = fixture.app.request(Method::GET, &path, Some(token)).send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Download { status, headers, bytes: response.bytes().await.unwrap().to_vec() }
}

impl Fixture {
    /// A statement of Ada's account, for Ada.
    pub(super) async fn statement(&self, query: &str) -> Download {
        download(self, self.ada.token(), self.ada.account, query).await
    }
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("{begin} is not in {text}"));
    rest.split_once(end).unwrap_or_else(|| panic!("{end} is not in {text}")).0
}

/// An amount of two places in the minor unit.
fn minor(text: &str) -> i64 {
    text.replace(['.', ','], "").parse().unwrap_or_else(|_| panic!("{text} is no amount"))
}

/// The amounts of all entries, with their signs.
pub(super) fn amounts(format: &str, text: &str) -> Vec<i64> {
    let signed = |is_debit: bool, amount: &str| if is_debit { -minor(amount) } else { minor(amount) };
    match format {
        "json" => numbers(serde_json::from_str::<Value>(text).unwrap()["entries"].as_array().unwrap(), "amount"),
        "csv" => {
            let cells = text.lines().skip(1).map(|row| row.rsplit(',').nth(3).unwrap());
            cells.filter(|cell| !cell.is_empty()).map(minor).collect()
        }
        "camt.053" => {
            let entry = |entry: &str| {
                let is_debit = between(entry, "<CdtDbtInd>", "</CdtDbtInd>") == "DBIT";
                signed(is_debit, between(entry, "<Amt Ccy=\"EUR\">", "</Amt>"))
            };
            text.split("<Ntry>").skip(1).map(entry).collect()
        }
        "ofx" => text.split("<TRNAMT>").skip(1).map(|rest| minor(rest.split('<').next().unwrap())).collect(),
        "mt940" => {
            let entry = |line: &str| {
                let rest = &line[10..];
                let digits = rest.find(|c: char| c.is_ascii_digit()).unwrap();
                signed(["D", "RC"].contains(&&rest[..digits]), rest[digits..].split('N').next().unwrap())
            };
            text.lines().filter_map(|line| line.strip_prefix(":61:")).map(entry).collect()
        }
        other => panic!("{other}"),
    }
}

/// What is drawn on all pages.
pub(super) fn drawn(pdf: &[u8]) -> String {
    let mark = b">>\nstream\n";
    let streams = (0..pdf.len()).filter(|at| pdf[*at..].starts_with(mark));
    let mut text = Vec::new();
    for at in streams {
        ZlibDecoder::new(&pdf[at + mark.len()..]).read_to_end(&mut text).unwrap();
    }
    String::from_utf8_lossy(&text).into_owned()
}
