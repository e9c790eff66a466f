//! Turns lines into users: CSV, JSON lines and a JSON array yield the same object, which is checked in one place, all faults at
//! once.

use std::io;

use serde_json::{Map, Value};
use service_kit::http::fields::{Describe, FieldSchema, Fields, FromFields, Kind, Parse, parse};

use super::array::Elements;
use super::cells::cells;
use super::header::header;
use super::lines::{Line, Lines};
use super::place::Place;
use super::values::value_of;
use super::{Format, json, not_whole, unusable};
use crate::domain::email::Email;
use crate::domain::imported_user::{self, ImportedUser};
use crate::domain::locale;
use crate::domain::role::{MAX_PER_USER, RoleName, distinct_names};
use crate::identity::password::imported_format::HashRefused;
use crate::identity::password::imported_hash::ImportedHash;
use crate::identity::users::import::Conflict;

const EXPECTED_JSON: &str = "expected a JSON array of users ([{…}, {…}]), or one user a line";

/// A refused row, with its faults.
pub(super) struct Refusal {
    pub(super) place: Place,
    pub(super) customer_id: String,
    pub(super) email: String,
    /// Field and cause of each fault.
    pub(super) faults: Vec<(String, String)>,
    /// The names of its roles, of which it is not known yet whether they are roles here.
    pub(super) roles: Vec<String>,
}

impl Refusal {
    pub(super) fn add(&mut self, conflict: Conflict) {
        self.faults.push((conflict.field().to_owned(), conflict.to_string()));
    }
}

pub(super) enum Row {
    Good { place: Place, user: ImportedUser },
    Bad(Refusal),
}

pub(super) struct Reader {
    lines: Lines,
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
                Some(b'[') => {
                    lines.next_byte()?;
                    FormatOfLines::JsonArray(Elements::default())
                }
                Some(_) => FormatOfLines::JsonLines,
            },
            Format::Csv => {
                let (header, separator) = header(&mut lines)?;
                FormatOfLines::Csv { header, separator }
            }
        };
        Ok(Self { lines, format })
    }

    /// Reads to the end; an error if the file is not whole, or is not one of rows. Faults of single rows are passed over.
    pub(super) fn check(mut self) -> io::Result<()> {
        let (mut rows, mut is_no_user) = (0_u64, false);
        while let Some((place, text)) = self.text()? {
            rows += 1;
            let Ok(text) = text else { continue };
            match &self.format {
                FormatOfLines::Csv { .. } => {}
                FormatOfLines::JsonArray(_) if json::is_json(&text) => {}
                FormatOfLines::JsonArray(_) => return Err(not_whole(place, "is not JSON")),
                FormatOfLines::JsonLines if json::is_cut(&text) => {
                    let cause = match self.text()? {
                        None => "the file ends within it".to_owned(),
                        Some(_) => format!("is an object that goes on in the next line; {EXPECTED_JSON}"),
                    };
                    return Err(not_whole(place, cause));
                }
                FormatOfLines::JsonLines => is_no_user = rows == 1 && json::is_no_user(&text),
            }
        }
        if rows == 1 && is_no_user {
            return Err(unusable(format!("is one JSON object, and none of a user; {EXPECTED_JSON}")));
        }
        Ok(())
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
            FormatOfLines::JsonLines => Ok(on_line(self.lines.next()?)),
            FormatOfLines::Csv { separator, .. } => Ok(on_line(self.lines.next_record(*separator)?)),
        }
    }
}

fn on_line(row: Option<(u64, Line)>) -> Option<(Place, Line)> {
    row.map(|(line, text)| (Place::line(line), text))
}

/// Missing cells at the end of a record count as empty, since spreadsheets omit them; additional cells must be empty.
fn csv_object(header: &[String], separator: u8, record: &str) -> Result<Map<String, Value>, String> {
    let cells = cells(record, separator)?;
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
    let named = object.get("roles").and_then(|given| role_names().read(given).ok());
    let roles = named.map(distinct_names).unwrap_or_default();
    Refusal { place, customer_id: text("customer_id"), email: text("email"), faults, roles }
}

/// A valid row that conflicts with existing data.
pub(super) fn refused_later(place: Place, user: &ImportedUser, conflicts: Vec<Conflict>) -> Refusal {
    let (customer_id, email) = (user.customer_id.clone(), user.email.as_str().to_owned());
    let mut refusal = Refusal { place, customer_id, email, faults: Vec::new(), roles: Vec::new() };
    for conflict in conflicts {
        refusal.add(conflict);
    }
    refusal
}

fn role_names() -> Kind<impl Parse<Vec<RoleName>>, impl Describe> {
    parse::list(0, MAX_PER_USER, parse::via(RoleName::parse))
}

impl FromFields for ImportedUser {
    fn read(fields: &mut Fields) -> Option<Self> {
        let customer_id = fields.required("customer_id", Kind::new(customer_id, FieldSchema::any));
        let email = fields.required("email", parse::via(Email::mailable));
        let password_hash = fields.nullable("password_hash", parse::via(password_hash));
        let country = fields.nullable("country", parse::via(locale::country));
        let language = fields.nullable("language", parse::via(locale::language));
        let is_active = fields.nullable("is_active", parse::boolean());
        let roles = fields.nullable("roles", role_names());
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
