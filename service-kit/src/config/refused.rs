//! Values of variables that clap would refuse: reported by the variable's name and its line in `.env`, in the form of
//! [`Faults`]. clap names only the flag, and shows the value, even of a secret.
//!
//! Such a value is not passed to clap. It is a fault once the command line is read, unless a flag overrides it.

use std::any::TypeId;
use std::error::Error as _;
use std::ffi::OsStr;
use std::net::SocketAddr;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::faults::Faults;

/// A fault of what the environment or `.env` says of one setting.
#[derive(Debug)]
pub(super) struct Refused {
    /// The subcommands that lead to the setting.
    pub(super) path: Vec<String>,
    pub(super) id: clap::Id,
    pub(super) variable: String,
    pub(super) line: String,
}

impl Refused {
    /// Of a command line that cannot be understood only the settings of every command count.
    fn counts(&self, matches: Option<&ArgMatches>) -> bool {
        let Some(matches) = matches else { return self.path.is_empty() };
        let chosen = matches_at(&self.path, matches);
        chosen.is_some_and(|matches| matches.value_source(self.id.as_str()) != Some(ValueSource::CommandLine))
    }
}

/// What the command line says of the subcommand at the end of a path; `None`: another one runs.
pub(super) fn matches_at<'a>(path: &[String], mut matches: &'a ArgMatches) -> Option<&'a ArgMatches> {
    for name in path {
        matches = matches.subcommand().filter(|(chosen, _)| chosen == name)?.1;
    }
    Some(matches)
}

/// Notes all faults that no flag makes up for.
pub(super) fn report_refused(refused: Vec<Refused>, matches: Option<&ArgMatches>, faults: &mut Faults) {
    for refused in refused.into_iter().filter(|refused| refused.counts(matches)) {
        faults.refuse(&refused.variable, refused.line);
    }
}

/// The fault of a value that a setting is given; `None`: clap takes it.
pub(super) fn fault_of(arg: &Arg, value: &OsStr) -> Option<String> {
    let alone =
        Arg::new("value").value_parser(arg.get_value_parser().clone()).value_delimiter(arg.get_value_delimiter());
    let command = Command::new("value").no_binary_name(true).arg(alone);
    // After `--` clap takes no word for a flag.
    let error = command.try_get_matches_from([OsStr::new("--"), value]).err()?;
    Some(invalid(arg, &error))
}

/// The error of a setting's own value parser: the form that is taken, with an example and without the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct Expected(String);

impl Expected {
    pub fn new(form: impl Into<String>) -> Self {
        Self(form.into())
    }
}

/// The text of a value that an argument cannot have.
pub(super) fn invalid(arg: &Arg, error: &clap::Error) -> String {
    if let Some(expected) = error.source().and_then(|cause| cause.downcast_ref::<Expected>()) {
        return format!("the value is not valid; {expected}");
    }
    let cause =
        error.source().filter(|_| form_of_type(arg).is_some()).map(|cause| cause_without_value(&cause.to_string()));
    let cause = cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
    format!("the value is not valid{cause}; expected {}", expected(arg))
}

/// The parsers of numbers and addresses say what is wrong without showing any of it, but for a number that is out of range. Of
/// other parsers nothing is known.
fn cause_without_value(cause: &str) -> String {
    cause.split_once(" is not in ").map_or_else(|| cause.to_owned(), |(_, range)| format!("not in {range}"))
}

/// The form that an argument's value has.
pub(super) fn expected(arg: &Arg) -> String {
    let parser = arg.get_value_parser();
    if let Some(values) = parser.possible_values() {
        let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
        return format!("one of {}", names.join(", "));
    }
    if let Some(form) = form_of_type(arg) {
        return form.to_owned();
    }
    let name = arg.get_value_names().and_then(<[_]>::first);
    match name {
        // A text has no other form than that; later checks find what else is wrong with it.
        Some(name) if !is_text(arg) => format!("{name}, as in --help"),
        _ => "a text in UTF-8".to_owned(),
    }
}

fn form_of_type(arg: &Arg) -> Option<&'static str> {
    let given = arg.get_value_parser().type_id();
    let is_any = |types: &[TypeId]| types.iter().any(|one| given == *one);
    if is_any(&[
        TypeId::of::<u8>(),
        TypeId::of::<u16>(),
        TypeId::of::<u32>(),
        TypeId::of::<u64>(),
        TypeId::of::<usize>(),
        TypeId::of::<i64>(),
    ]) {
        Some("a whole number")
    } else if is_any(&[TypeId::of::<SocketAddr>()]) {
        Some("HOST:PORT, an IP address and a port such as 127.0.0.1:5000")
    } else {
        None
    }
}

pub(super) fn is_text(arg: &Arg) -> bool {
    let given = arg.get_value_parser().type_id();
    given == TypeId::of::<String>()
        || given == TypeId::of::<super::Secret>()
        || given == TypeId::of::<std::path::PathBuf>()
}
