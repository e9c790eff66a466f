//! `.env` files: `NAME=value`, one a line.
//!
//! A value is literal (a `$` too) and runs to the end of its line; a `#` after a blank begins a comment. In double quotes
//! `\n`, `\r`, `\t`, `\"` and `\\` are escapes, in single quotes nothing is; both may run over several lines. `export` before
//! a name, blanks around `=`, a byte order mark and lines that end in LF, CRLF or CR are accepted. A line that cannot be read
//! is a warning with its number; no warning contains a value. At most 1 MiB.

use std::io::{self, Read as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

const SIZE_LIMIT: u64 = 1024 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) line: usize,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct EnvFile {
    /// In the order of the file.
    pub(super) entries: Vec<Entry>,
    pub(super) warnings: Vec<String>,
    /// Why the file cannot be read, or not as it is meant. The entries do not suffice for a start then.
    pub(super) fault: Option<String>,
}

/// Reads the file; a missing one counts as empty. One that is not UTF-8 has its entries all the same, so that what they say is
/// not reported as missing.
pub(super) fn read(path: &Path) -> EnvFile {
    match bytes_of(path) {
        Ok(bytes) => EnvFile { fault: fault_of(&bytes), ..parse(&String::from_utf8_lossy(&bytes)) },
        Err(error) if error.kind() == io::ErrorKind::NotFound => EnvFile::default(),
        Err(error) => EnvFile { fault: Some(error.to_string()), ..EnvFile::default() },
    }
}

fn bytes_of(path: &Path) -> io::Result<Vec<u8>> {
    // Opening one waits for its writer.
    if std::fs::metadata(path)?.file_type().is_fifo() {
        return Err(io::Error::other("it is a pipe"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(SIZE_LIMIT + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > SIZE_LIMIT) {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(bytes)
}

fn fault_of(bytes: &[u8]) -> Option<String> {
    let error = std::str::from_utf8(bytes).err()?;
    let before = String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or_default());
    Some(format!("line {} is not UTF-8", with_line_feeds(&before).matches('\n').count() + 1))
}

/// The text with LF for CRLF and CR.
fn with_line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

pub(super) fn parse(text: &str) -> EnvFile {
    let mut file = EnvFile::default();
    let text = with_line_feeds(text);
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut line = 1;
    while !rest.is_empty() {
        let (first, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let mut taken = 1;
        let mut next = after;
        let trimmed = first.trim();
        if !trimmed.is_empty() && !trimmed.starts_with('#') {
            match name_and_value(trimmed) {
                Some((name, value)) => {
                    let quoted = quoted_value(value.trim_start(), after);
                    if let Some(quoted) = &quoted {
                        (taken, next) = (1 + quoted.more_lines, quoted.rest);
                    } else if value.trim_start().starts_with(['"', '\'']) {
                        file.warnings.push(format!("line {line}: a quote is not closed; it is taken literally"));
                    }
                    let value = quoted.map_or_else(|| unquoted(value).to_owned(), |quoted| quoted.value);
                    file.entries.push(Entry { name: name.to_owned(), value, line });
                }
                None => file.warnings.push(format!("line {line} is not of the form NAME=value and is passed over")),
            }
        }
        line += taken;
        rest = next;
    }
    file
}

/// The value begins right after the `=`: a blank there decides whether a `#` begins a comment.
fn name_and_value(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let name = name.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t'])).unwrap_or(name).trim();
    let sound = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    sound.then_some((name, value))
}

/// The value without a comment that follows a blank.
fn unquoted(value: &str) -> &str {
    let comment = value.match_indices('#').map(|(at, _)| at).find(|at| value[..*at].ends_with([' ', '\t']));
    value[..comment.unwrap_or(value.len())].trim()
}

struct Quoted<'a> {
    value: String,
    more_lines: usize,
    rest: &'a str,
}

/// A value whose quotes are closed, on this line or a later one, with nothing but a comment after them.
fn quoted_value<'a>(value: &str, after: &'a str) -> Option<Quoted<'a>> {
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let first = value.get(1..)?;
    if let Some((text, end)) = until_quote(first, quote) {
        return only_comment(first.get(end..)?).then_some(Quoted { value: text, more_lines: 0, rest: after });
    }
    let mut joined = first.to_owned();
    let (mut more_lines, mut rest) = (0, after);
    while !rest.is_empty() {
        let (line, next) = rest.split_once('\n').unwrap_or((rest, ""));
        joined.push('\n');
        joined.push_str(line);
        (more_lines, rest) = (more_lines + 1, next);
        if line.contains(quote)
            && let Some((text, end)) = until_quote(&joined, quote)
        {
            return only_comment(joined.get(end..)?).then_some(Quoted { value: text, more_lines, rest });
        }
    }
    None
}

fn only_comment(rest: &str) -> bool {
    let rest = rest.trim();
    rest.is_empty() || rest.starts_with('#')
}

/// The text up to the closing quote, and the index at which the rest begins.
fn until_quote(text: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
            match c {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                '"' | '\\' => value.push(c),
                _ => value.extend(['\\', c]),
            }
        } else if c == '\\' && quote == '"' {
            escaped = true;
        } else if c == quote {
            return Some((value, at + c.len_utf8()));
        } else {
            value.push(c);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, String)> {
        parse(text).entries.into_iter().map(|entry| (entry.name, entry.value)).collect()
    }

    #[test]
    fn a_value_is_literal_to_the_end_of_its_line() {
        for (line, value) in [
            ("A=Sup3r$ecret-passw0rd", "Sup3r$ecret-passw0rd"),
            ("A=${HOME}$(id)`id`", "${HOME}$(id)`id`"),
            ("A=don't-panic-1", "don't-panic-1"),
            ("A=Bank <no-reply@bank.example>", "Bank <no-reply@bank.example>"),
            (r"A=C:\temp\new", r"C:\temp\new"),
            ("A=a=b==", "a=b=="),
            ("A=value # a comment", "value"),
            ("A=value#glued", "value#glued"),
            ("A=\t# only a comment", ""),
            ("A= # only a comment", ""),
            ("A=#Hash-pass", "#Hash-pass"),
            ("A =#Hash-pass # a comment", "#Hash-pass"),
            ("A=", ""),
            ("  export  A = value  ", "value"),
            ("A='it is $HOME \\n'", "it is $HOME \\n"),
            ("A=\"a \\\"b\\\" \\n \\q\" # end", "a \"b\" \n \\q"),
            ("A='mysql+pymysql://root:pass@localhost:3306/mybank'", "mysql+pymysql://root:pass@localhost:3306/mybank"),
            ("A=\"Bank, Inc.\" <no-reply@bank.example>", "\"Bank, Inc.\" <no-reply@bank.example>"),
            ("A=\"465\"  # SMTP SSL Port (ex. 465)", "465"),
            ("A=Zürich\u{a0}銀行", "Zürich\u{a0}銀行"),
        ] {
            assert_eq!(values(line), [("A".to_owned(), value.to_owned())], "{line}");
        }
    }

    #[test]
    fn lines_end_in_any_way_and_quotes_may_hold_several() {
        for end in ["\n", "\r\n", "\r"] {
            let text = "\u{feff}A=1\n\n# comment\nB='x\ny'\nC=3".replace('\n', end);
            let expected = [("A", "1"), ("B", "x\ny"), ("C", "3")];
            assert_eq!(values(&text), expected.map(|(name, value)| (name.to_owned(), value.to_owned())), "{end:?}");
            assert_eq!(parse(&text).entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), [1, 4, 6], "{end:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_a_warning_with_its_line_and_without_its_text() {
        let file = parse("A=1\nhunter2\n1A=hunter2\nhunter2='x\nC=3\n");
        assert_eq!(file.entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["A", "hunter2", "C"]);
        let text = file.warnings.join("\n");
        assert!(["line 2 ", "line 3 ", "line 4: a quote"].iter().all(|part| text.contains(part)), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_file_that_is_not_text_has_a_fault_with_the_line_and_its_entries() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        assert_eq!(read(&path), EnvFile::default());
        for text in [&b"A=1\nB=\xff\xfehunter2\n"[..], b"A=1\r\nB=\xff", b"A=1\rB=\xff"] {
            std::fs::write(&path, text).unwrap();
            let file = read(&path);
            assert_eq!(file.fault.as_deref(), Some("line 2 is not UTF-8"));
            assert_eq!(file.entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["A", "B"]);
        }
        assert!(read(folder.path()).fault.is_some());
        assert_eq!(read(Path::new("/dev/zero")).fault.as_deref(), Some("it is larger than 1 MiB"));
        assert_eq!(read(Path::new("/dev/null")), EnvFile::default());
    }
}
