//! Fields of a log line as text or JSON.
//!
//! Values have the form of their format, with control characters escaped. They are kept as a list of members that is formatted
//! later, so that an event's own members and its spans' can be joined with each name once.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

use super::LogFormat;

/// Begins each member of a list. No value holds it, since control characters are escaped.
const MEMBER: char = '\u{1e}';

/// The members of a list: each name, with the value as it is shown. A span's later fields follow its first ones after a blank.
pub(super) fn members(list: &str) -> impl Iterator<Item = (&str, &str)> {
    list.split(MEMBER).filter_map(|member| member.trim_end_matches(' ').split_once('='))
}

/// Collects the fields of spans.
pub(super) struct FieldFormat(pub(super) LogFormat);

impl<'w> FormatFields<'w> for FieldFormat {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut line = Line::new(self.0);
        fields.record(&mut line);
        writer.write_str(&line.members)
    }
}

/// Collects fields; the message stands apart.
pub(super) struct Line {
    format: LogFormat,
    pub(super) message: String,
    pub(super) members: String,
}

impl Line {
    pub(super) fn new(format: LogFormat) -> Self {
        Self { format, message: String::new(), members: String::with_capacity(160) }
    }

    fn text(&mut self, field: &Field, value: &str) {
        self.member(field, |out, format| match format {
            LogFormat::Text if is_plain(value) => out.push_str(value),
            LogFormat::Text | LogFormat::Json | LogFormat::Classic => push_quoted(out, value),
        });
    }

    /// Numbers and booleans, which have the same form in both formats.
    fn bare(&mut self, field: &Field, value: &dyn fmt::Display) {
        self.member(field, |out, _| push(out, format_args!("{value}")));
    }

    fn member(&mut self, field: &Field, value: impl FnOnce(&mut String, LogFormat)) {
        let out = &mut self.members;
        out.push(MEMBER);
        out.push_str(field.name());
        out.push('=');
        value(out, self.format);
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.text(field, value);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.member(field, |out, _| push(out, format_args!("{value:.3}")));
        } else {
            self.text(field, "not a number");
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.text(field, &value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            push(&mut self.message, format_args!("{value:?}"));
        } else {
            self.text(field, &format!("{value:?}"));
        }
    }
}

fn is_plain(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| !c.is_control() && !matches!(c, ' ' | '"' | '=' | '\\'))
}

/// Writing to a `String` cannot fail.
fn push(out: &mut String, arguments: fmt::Arguments<'_>) {
    if out.write_fmt(arguments).is_err() {
        out.push('?');
    }
}

/// A JSON string; also the form of a text with blanks or control characters in a text line.
pub(super) fn push_quoted(out: &mut String, value: &str) {
    out.push('"');
    for c in value.chars() {
        push_escaped(out, c);
    }
    out.push('"');
}

/// Appends a text outside of quotes, control characters escaped.
pub(super) fn push_unquoted(out: &mut String, value: &str) {
    for c in value.chars() {
        if c == '"' || c == '\\' { out.push(c) } else { push_escaped(out, c) }
    }
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        // Line and paragraph separators end a line in some viewers.
        c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
            push(out, format_args!("\\u{:04x}", u32::from(c)));
        }
        c => out.push(c),
    }
}
