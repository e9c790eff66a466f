//! Turns lines into users: CSV, JSON lines and a JSON array yield the same object, which is checked in one place, all faults at
//! once.

use std::fs::File;
use std::io::{self, BufReader};

use serde_json::{Map, Value};
use service_kit::http::fields::{FieldSchema, Fields, FromFields, Kind, parse};

use super::array::Elements;
use super::cells::cells;
use super::header::header;
use super::lines::{Line, Lines};
use super::place::Place;
use super::values::value_of;
use super::{Format, json, unusable};
use crate::domain::email::Email;
use crate::domain::imported_user::{self, ImportedUser};
use crate::domain::locale;
use crate::domain::role::{MAX_PER_USER, RoleName, distinct_names};
use crate::identity::password::imported_format::HashRefused;
use crate::identity::password::imported_hash::ImportedHash;
use crate::identity::users::import::Conflict;

/// A refused row, with its faults.
pub(super) struct Refusal {
    pub(super) place: Place,
    pub(super) customer_id: String,
    pub(super) email: String,
    /// Field and cause of each fault.
    pub(super) faults: Vec<(String, String)>,
}

pub(super) enum Row {
    Good { place: Place, user: ImportedUser },
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
    /// Reads the header of a CSV file. An empty file is an error in every format: the wrong file was named, or an export failed.
    pub(super) fn start(mut lines: Lines, format: Format) -> io::Result<Self> {
        if let Some(encoding) = lines.wide_encoding()? {
            return Err(unusable(format!("is {encoding}; save it as UTF-8 (in Excel: CSV UTF-8)")));
        }
        let format = match format {
            Format::Jsonl => match lines.first_byte()? {
                None => return Err(unusable("is empty; expected JSON lines or a JSON array".to_owned())),
                Some(b'[') => FormatOfLines::JsonArray(Elements::new()),
                Some(_) => FormatOfLines::JsonLines,
            },
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

    /// The next row with content: spreadsheets leave empty rows after the last one.
    pub(super) fn next(&mut self) -> io::Result<Option<Row>> {
        while let Some((place, text)) = self.text()? {
            let object = text.map_err(str::to_owned).and_then(|text| match &self.format {
                FormatOfLines::JsonLines | FormatOfLines::JsonArray(_) => json::object(&text),
                FormatOfLines::Csv { header, separator } => csv_object(header, *separator, &text),
            });
            match object {
                Ok(object) if object.is_empty() => {}
                Ok(object) => return Ok(Some(checked(place, &object))),
                Err(cause) => {
                    let faults = vec![("line".to_owned(), cause)];
                    return Ok(Some(Row::Bad(refusal(place, &Map::new(), faults))));
                }
            }
        }
        Ok(None)
    }

    /// The text of the next row, with its place.
    fn text(&mut self) -> io::Result<Option<(Place, Line)>> {
        match &mut self.format {
            FormatOfLines::JsonArray(elements) => elements.next(&mut self.lines),
            FormatOfLines::JsonLines | FormatOfLines::Csv { .. } => {
                Ok(self.lines.next()?.map(|(line, text)| (Place::line(line), text)))
            }
        }
    }
}

/// Missing cells at the end of a line count as empty, since spreadsheets omit them; additional cells must be empty.
fn csv_object(header: &[String], separator: u8, line: &str) -> Result<Map<String, Value>, String> {
    let cells = cells(line, separator)?;
    if cells.iter().skip(header.len()).any(|cell| !cell.trim().is_empty()) {
        return Err(format!("has {} cells where the header has {}", cells.len(), header.len()));
    }
    let given = header.iter().zip(cells);
    Ok(given.filter_map(|(name, cell)| Some((name.clone(), value_of(name, Value::String(cell))?))).collect())
}

fn checked(place: Place, object: &Map<String, Value>) -> Row {
    match Fields::read_object::<ImportedUser>(object.clone()) {
        Ok(user) => Row::Good { place, user },
        Err(problem) => {
            let faults = problem.errors().iter();
            let faults = faults.flat_map(|(field, causes)| causes.iter().map(|cause| (field.clone(), cause.clone())));
            Row::Bad(refusal(place, object, faults.collect()))
        }
    }
}

fn refusal(place: Place, object: &Map<String, Value>, faults: Vec<(String, String)>) -> Refusal {
    let text = |name: &str| match object.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    Refusal { place, customer_id: text("customer_id"), email: text("email"), faults }
}

/// A valid row that conflicts with existing data.
pub(super) fn refused_later(place: Place, user: &ImportedUser, conflict: Conflict) -> Refusal {
    Refusal {
        place,
        customer_id: user.customer_id.clone(),
        email: user.email.as_str().to_owned(),
        faults: vec![(conflict.field().to_owned(), conflict.to_string())],
    }
}

impl FromFields for ImportedUser {
    fn read(fields: &mut Fields) -> Option<Self> {
        let customer_id = fields.required("customer_id", Kind::new(customer_id, FieldSchema::any));
        let email = fields.required("email", parse::via(Email::mailable));
        let password_hash = fields.nullable("password_hash", parse::via(password_hash));
        let country = fields.nullable("country", parse::via(locale::country));
        let language = fields.nullable("language", parse::via(locale::language));
        let is_active = fields.nullable("is_active", parse::boolean());
        let roles = fields.nullable("roles", parse::list(0, MAX_PER_USER, parse::via(RoleName::parse)));
        Some(Self {
            customer_id: customer_id?,
            email: email?,
            password_hash: password_hash?.flatten().flatten(),
            country: country?.flatten(),
            language: language?.flatten(),
            is_active: is_active?.flatten().unwrap_or(true),
            roles: roles?.flatten().map(distinct_names),
        })
    }
}

/// Accepts a text or a whole number.
fn customer_id(value: &Value) -> Result<String, String> {
    let text = value.as_u64().map(|number| number.to_string());
    let text = text.as_deref().or_else(|| value.as_str()).unwrap_or_default();
    imported_user::customer_id(text).map_err(str::to_owned)
}

/// None for a hash that is quickly guessed, and where Django marks that no password was set: the user is invited, like one
/// without a hash.
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
