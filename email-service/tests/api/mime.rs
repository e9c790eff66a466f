//! A small independent reader of mails: enough of RFC 5322, 2045, 2046 and 2047 to see what a mail program shows.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parsed {
    /// In order, unfolded and decoded.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl Parsed {
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let value = &found.next().unwrap_or_else(|| panic!("no {name}")).1;
        assert!(found.next().is_none(), "{name} is there twice");
        value
    }

    pub(crate) fn header_names(&self) -> Vec<&str> {
        self.headers.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The text of a golden file.
    pub(crate) fn golden(&self) -> String {
        let shown = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"];
        let headers: Vec<String> = shown.iter().map(|name| format!("{name}: {}", self.header(name))).collect();
        format!("{}\n\n=== text ===\n{}\n\n=== html ===\n{}\n", headers.join("\n"), self.text, self.html)
    }
}

pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let mail = std::str::from_utf8(bytes).expect("mails are ASCII");
    assert!(mail.is_ascii(), "mails are ASCII");
    assert!(!mail.replace("\r\n", "").contains(['\r', '\n']), "lines end with CRLF");
    assert!(mail.split("\r\n").all(|line| line.len() <= 998), "lines are not too long");
    let (headers, body) = split(mail);
    let boundary = parameter(value(&headers, "content-type"), "boundary");
    let parts: Vec<&str> = body.split(&format!("--{boundary}")).collect();
    assert_eq!(parts.len(), 4, "preamble, text, HTML, end");
    assert_eq!(parts[3].trim(), "--");
    let (text, html) = (part(parts[1], "text/plain"), part(parts[2], "text/html"));
    let headers = headers.into_iter().map(|(name, value)| (name, decode_words(&value))).collect();
    Parsed { headers, text, html }
}

fn split(mail: &str) -> (Vec<(String, String)>, &str) {
    let (head, body) = mail.split_once("\r\n\r\n").expect("an empty line ends the headers");
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("not a header: {line:?}"));
        (name.to_owned(), value.to_owned())
    };
    (unfolded.split("\r\n").filter(|line| !line.is_empty()).map(header).collect(), body)
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    &headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).unwrap_or_else(|| panic!("no {name}")).1
}

fn parameter(header: &str, name: &str) -> String {
    let (_, rest) = header.split_once(&format!("{name}=")).expect("a parameter");
    rest.split(';').next().unwrap().trim().trim_matches('"').to_owned()
}

fn part(part: &str, media_type: &str) -> String {
    let (headers, body) = split(part.strip_prefix("\r\n").expect("a new line after the boundary"));
    let content_type = value(&headers, "content-type");
    assert!(content_type.starts_with(media_type) && content_type.contains("utf-8"), "{content_type}");
    let body = body.strip_suffix("\r\n").unwrap_or(body);
    let bytes = match value(&headers, "content-transfer-encoding") {
        "7bit" => body.as_bytes().to_vec(),
        "quoted-printable" => quoted_printable(&body.replace("=\r\n", "")),
        "base64" => STANDARD.decode(body.replace("\r\n", "")).unwrap(),
        other => panic!("unknown encoding {other}"),
    };
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

fn quoted_printable(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'=' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    bytes
}

/// RFC 2047: white space between two encoded words is not shown.
fn decode_words(value: &str) -> String {
    let mut shown = String::new();
    let mut last_encoded = false;
    for (index, word) in value.split(' ').enumerate() {
        let decoded = encoded_word(word);
        if index > 0 && !(last_encoded && decoded.is_some()) {
            shown.push(' ');
        }
        last_encoded = decoded.is_some();
        shown.push_str(decoded.as_deref().unwrap_or(word));
    }
    shown
}

fn encoded_word(word: &str) -> Option<String> {
    let inner = word.strip_prefix("=?")?.strip_suffix("?=")?;
    let mut parts = inner.splitn(3, '?');
    let (charset, encoding, text) = (parts.next()?, parts.next()?, parts.next()?);
    assert!(charset.eq_ignore_ascii_case("utf-8"));
    let bytes = match encoding {
        "b" | "B" => STANDARD.decode(text).unwrap(),
        "q" | "Q" => quoted_printable(&text.replace('_', " ")),
        other => panic!("unknown encoding {other}"),
    };
    Some(String::from_utf8(bytes).unwrap())
}
