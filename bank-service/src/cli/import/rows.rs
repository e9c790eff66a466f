//! From lines to users: CSV and JSON lines come to the same object, which is checked in one place, all faults at once.

use std::fs::File;
use std::io::{self, BufReader};

use serde_json::{Map, Value};
use service_kit::http::fields::{Fields, FromFields, parse};

use super::Format;
use super::lines::Lines;
use crate::domain::email::Email;
use crate::domain::imported_user::{self, ImportedUser};
use crate::domain::locale;
use crate::domain::role::{MAX_PER_USER, RoleName};
use crate::operations::identity::import::Conflict;
use crate::security::imported_hash::ImportedHash;

const COLUMNS: [&str; 7] = ["customer_id", "email", "password_hash", "country", "language", "is_active", "roles"];
const REQUIRED: [&str; 2] = ["customer_id", "email"];

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
    Csv { header: Vec<String> },
    Json,
}

impl Reader {
    /// Reads the header of a CSV file.
    pub(super) fn start(mut lines: Lines, format: Format) -> io::Result<Self> {
        let format = match format {
            Format::Jsonl => FormatOfLines::Json,
            Format::Csv => FormatOfLines::Csv { header: header(&mut lines)? },
        };
        Ok(Self { lines, format })
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.lines.bytes_read()
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Row>> {
        let Some((line, text)) = self.lines.next()? else { return Ok(None) };
        let object = text.map_err(str::to_owned).and_then(|text| match &self.format {
            FormatOfLines::Json => json_object(&text),
            FormatOfLines::Csv { header } => csv_object(header, &text),
        });
        Ok(Some(match object {
            Ok(object) => checked(line, &object),
            Err(cause) => Row::Bad(refusal(line, &Map::new(), vec![("line".to_owned(), cause)])),
        }))
    }
}

fn header(lines: &mut Lines) -> io::Result<Vec<String>> {
    let bad = |message: String| io::Error::new(io::ErrorKind::InvalidData, message);
    let expected = format!("expected a header with {}", COLUMNS.join(","));
    let Some((_, Ok(text))) = lines.next()? else { return Err(bad(expected)) };
    let names = cells(&text).map_err(|_| bad(expected.clone()))?;
    let names: Vec<String> = names.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    for (at, name) in names.iter().enumerate() {
        if !COLUMNS.contains(&name.as_str()) || names.iter().take(at).any(|before| before == name) {
            return Err(bad(format!("the header: column {} is unknown or there twice; {expected}", at + 1)));
        }
    }
    match REQUIRED.iter().find(|required| !names.iter().any(|name| name == *required)) {
        Some(missing) => Err(bad(format!("the header has no {missing}; {expected}"))),
        None => Ok(names),
    }
}

/// The cells of one line. No field of ours can hold a line break.
fn cells(line: &str) -> Result<Vec<String>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(line.len().max(1))
        .from_reader(line.as_bytes());
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(true) => Ok(record.iter().map(str::to_owned).collect()),
        _ => Err("is not CSV".to_owned()),
    }
}

fn csv_object(header: &[String], line: &str) -> Result<Map<String, Value>, String> {
    let cells = cells(line)?;
    if cells.len() != header.len() {
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
        Ok(Value::Object(object)) => Ok(object),
        _ => Err("is not a JSON object".to_owned()),
    }
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
        let email = fields.required("email", parse::via(Email::parse));
        let password_hash = fields.nullable("password_hash", parse::via(password_hash));
        let country = fields.nullable("country", parse::via(locale::country));
        let language = fields.nullable("language", parse::via(locale::language));
        let is_active = fields.nullable("is_active", parse::boolean);
        let roles = fields.nullable("roles", role_names);
        Some(Self {
            customer_id: customer_id?,
            email: email?,
            password_hash: password_hash?.flatten(),
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

fn password_hash(text: &str) -> Result<String, String> {
    let text = text.trim();
    ImportedHash::parse(text).map(|hash| hash.into_stored(text)).map_err(|refused| refused.to_string())
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
