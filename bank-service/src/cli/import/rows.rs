//! From lines to users: CSV, JSON lines and a JSON array come to the same object, which is checked in one place, all faults at
//! once.

use std::fs::File;
use std::io::{self, BufReader};

use serde_json::{Map, Value};
use service_kit::http::fields::{Fields, FromFields, parse};

use super::Format;
use super::array::Elements;
use super::lines::Lines;
use crate::domain::email::Email;
use crate::domain::imported_user::{self, ImportedUser};
use crate::domain::locale;
use crate::domain::role::{MAX_PER_USER, RoleName};
use crate::operations::identity::import::Conflict;
use crate::security::imported_hash::{HashRefused, ImportedHash};

const COLUMNS: [&str; 7] = ["customer_id", "email", "password_hash", "country", "language", "is_active", "roles"];
const REQUIRED: [&str; 2] = ["customer_id", "email"];
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// Why a row was refused.
pub(super) struct Refusal {
    pub(super) line: u64,
    pub(super) customer_id: String,
    pub(super) email: String,
    /// Field and cause of each fault.
    pub(super) faults: Vec<(String, String)>,
}

pub(super) enum Row {
    Good { line: u64, user: ImportedUser },
    Bad(Refusal),
}

pub(super) struct Reader {
    lines: Lines<BufReader<File>>,
    format: FormatOfLines,
}

enum FormatOfLines {
    Csv { header: Vec<String>, separator: u8 },
    JsonLines,
    JsonArray(Elements),
}

impl Reader {
    /// Reads the header of a CSV file.
    pub(super) fn start(mut lines: Lines, format: Format) -> io::Result<Self> {
        let format = match format {
            Format::Jsonl if lines.opens_an_array()? => FormatOfLines::JsonArray(Elements::new()),
            Format::Jsonl => FormatOfLines::JsonLines,
            Format::Csv => {
                let (header, separator) = header(&mut lines)?;
                FormatOfLines::Csv { header, separator }
            }
        };
        Ok(Self { lines, format })
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Row>> {
        let next = match &mut self.format {
            FormatOfLines::JsonArray(elements) => elements.next(&mut self.lines)?,
            FormatOfLines::JsonLines | FormatOfLines::Csv { .. } => self.lines.next()?,
        };
        let Some((line, text)) = next else { return Ok(None) };
        let object = text.map_err(str::to_owned).and_then(|text| match &self.format {
            FormatOfLines::JsonLines | FormatOfLines::JsonArray(_) => json_object(&text),
            FormatOfLines::Csv { header, separator } => csv_object(header, *separator, &text),
        });
        Ok(Some(match object {
            Ok(object) => checked(line, &object),
            Err(cause) => Row::Bad(refusal(line, &Map::new(), vec![("line".to_owned(), cause)])),
        }))
    }
}

/// The columns' names and what separates them. A spreadsheet's first line `sep=;` is taken.
fn header(lines: &mut Lines) -> io::Result<(Vec<String>, u8)> {
    let bad = |message: String| io::Error::new(io::ErrorKind::InvalidData, message);
    let expected = format!("expected a header with {}, separated by comma, semicolon or tab", COLUMNS.join(","));
    let mut first = lines.next()?;
    if matches!(&first, Some((_, Ok(text))) if text.trim_start().to_ascii_lowercase().starts_with("sep=")) {
        first = lines.next()?;
    }
    let Some((_, Ok(text))) = first else { return Err(bad(expected)) };
    let known = |separator: u8| {
        let names = cells(&text, separator).ok()?;
        let names: Vec<String> = names.iter().map(|name| column_name(name)).collect();
        Some((names.iter().filter(|name| COLUMNS.contains(&name.as_str())).count(), names, separator))
    };
    let best = SEPARATORS.into_iter().filter_map(known).max_by_key(|(count, ..)| *count);
    let Some((_, mut names, separator)) = best else { return Err(bad(expected)) };
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    for (at, name) in names.iter().enumerate() {
        if !COLUMNS.contains(&name.as_str()) {
            return Err(bad(format!("the header: column {} ({name:.40}) is unknown; {expected}", at + 1)));
        }
        if names.iter().take(at).any(|before| before == name) {
            return Err(bad(format!("the header: column {} ({name}) is there twice; {expected}", at + 1)));
        }
    }
    match REQUIRED.iter().find(|required| !names.iter().any(|name| name == *required)) {
        Some(missing) => Err(bad(format!("the header has no {missing}; {expected}"))),
        None => Ok((names, separator)),
    }
}

/// `Password Hash` and `password-hash` are `password_hash`, `E-Mail` is `email`.
fn column_name(cell: &str) -> String {
    let name = cell.trim().to_ascii_lowercase().replace([' ', '-'], "_");
    if name == "e_mail" { "email".to_owned() } else { name }
}

/// The cells of one line. No field of ours can hold a line break.
fn cells(line: &str, separator: u8) -> Result<Vec<String>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .buffer_capacity(line.len().max(1))
        .from_reader(line.as_bytes());
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(true) => Ok(record.iter().map(str::to_owned).collect()),
        _ => Err("is not CSV".to_owned()),
    }
}

/// Cells that are missing at the end of a line are empty, as spreadsheets leave them out; further ones must be.
fn csv_object(header: &[String], separator: u8, line: &str) -> Result<Map<String, Value>, String> {
    let cells = cells(line, separator)?;
    if cells.iter().skip(header.len()).any(|cell| !cell.trim().is_empty()) {
        return Err(format!("has {} cells where the header has {}", cells.len(), header.len()));
    }
    let given = header.iter().zip(cells).map(|(name, cell)| (name, cell.trim().to_owned()));
    Ok(given.filter(|(_, cell)| !cell.is_empty()).map(|(name, cell)| (name.clone(), value_of(name, cell))).collect())
}

/// A cell as JSON would have it.
fn value_of(name: &str, cell: String) -> Value {
    match name {
        "is_active" => match cell.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" => Value::Bool(true),
            "false" | "f" | "no" | "n" | "0" => Value::Bool(false),
            _ => Value::String(cell),
        },
        "roles" => {
            let names = cell.split([';', '|', ',', ' ']).map(str::trim).filter(|name| !name.is_empty());
            Value::Array(names.map(|name| Value::String(name.to_owned())).collect())
        }
        _ => Value::String(cell),
    }
}

fn json_object(line: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str::<Value>(line) {
        Ok(Value::Object(object)) => Ok(object.into_iter().filter_map(as_lenient_as_csv).collect()),
        _ => Err("is not a JSON object".to_owned()),
    }
}

/// Texts are read as cells are: an empty one is none, `yes` is true, several roles may stand in one. So are 0 and 1.
fn as_lenient_as_csv((name, value): (String, Value)) -> Option<(String, Value)> {
    let value = match value {
        Value::String(text) if text.trim().is_empty() => return None,
        Value::String(text) => value_of(&name, text.trim().to_owned()),
        Value::Number(number) if name == "is_active" => value_of(&name, number.to_string()),
        value => value,
    };
    Some((name, value))
}

fn checked(line: u64, object: &Map<String, Value>) -> Row {
    match Fields::read_object::<ImportedUser>(object.clone()) {
        Ok(user) => Row::Good { line, user },
        Err(problem) => {
            let faults = problem.errors().iter();
            let faults = faults.flat_map(|(field, causes)| causes.iter().map(|cause| (field.clone(), cause.clone())));
            Row::Bad(refusal(line, object, faults.collect()))
        }
    }
}

fn refusal(line: u64, object: &Map<String, Value>, faults: Vec<(String, String)>) -> Refusal {
    let text = |name: &str| match object.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    Refusal { line, customer_id: text("customer_id"), email: text("email"), faults }
}

/// A row that was well formed, and does not go with what is there.
pub(super) fn refused_later(line: u64, user: &ImportedUser, conflict: Conflict) -> Refusal {
    Refusal {
        line,
        customer_id: user.customer_id.clone(),
        email: user.email.as_str().to_owned(),
        faults: vec![(conflict.field().to_owned(), conflict.to_string())],
    }
}

impl FromFields for ImportedUser {
    fn read(fields: &mut Fields) -> Option<Self> {
        let customer_id = fields.required("customer_id", customer_id);
        let email = fields.required("email", parse::via(Email::mailable));
        let password_hash = fields.nullable("password_hash", parse::via(password_hash));
        let country = fields.nullable("country", parse::via(locale::country));
        let language = fields.nullable("language", parse::via(locale::language));
        let is_active = fields.nullable("is_active", parse::boolean);
        let roles = fields.nullable("roles", role_names);
        Some(Self {
            customer_id: customer_id?,
            email: email?,
            password_hash: password_hash?.flatten().flatten(),
            country: country?.flatten(),
            language: language?.flatten(),
            is_active: is_active?.flatten().unwrap_or(true),
            roles: roles?.flatten(),
        })
    }
}

/// A text or a whole number.
fn customer_id(value: &Value) -> Result<String, String> {
    let text = value.as_u64().map(|number| number.to_string());
    let text = text.as_deref().or_else(|| value.as_str()).unwrap_or_default();
    imported_user::customer_id(text).map_err(str::to_owned)
}

/// None of a hash that is soon guessed, and where Django says that no password was set: the user is invited, as one without a
/// hash.
fn password_hash(text: &str) -> Result<Option<String>, String> {
    let text = text.trim();
    if text.starts_with('!') {
        return Ok(None);
    }
    match ImportedHash::parse_new(text) {
        Ok(hash) => Ok(Some(hash.into_stored(text))),
        Err(HashRefused::TooWeak) => Ok(None),
        Err(refused) => Err(refused.to_string()),
    }
}

fn role_names(value: &Value) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for text in parse::string_list(MAX_PER_USER)(value)? {
        let name = RoleName::parse(&text).map_err(|error| format!("each entry {error}"))?;
        if !names.iter().any(|known| known == name.as_str()) {
            names.push(name.as_str().to_owned());
        }
    }
    if names.is_empty() { Err("must have at least one entry".to_owned()) } else { Ok(names) }
}
