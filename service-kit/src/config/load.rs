//! Flags, environment, `.env` and secret files, in this order of precedence; see [`super::variables`] for the names.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::sync::OnceLock;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, Parser};

use super::arguments::{Given, with_variables};
use super::command_line::{self, CommandLine, LineFault};
use super::guesses::Setting;
use super::variables::Variables;
use super::{ConfigError, EXIT_REFUSED, Faults, login, refused};

/// Commands that print something for a program, or the warnings themselves.
const QUIET_COMMANDS: [&str; 3] = ["healthcheck", "openapi", "doctor"];

/// The environment of the process, read once.
static VARIABLES: OnceLock<Variables> = OnceLock::new();
static WARNINGS: OnceLock<Vec<String>> = OnceLock::new();

/// The options of a program, as far as they can be read, and their faults.
#[derive(Debug)]
pub struct Parsed<T> {
    /// In the place of a value that cannot be read stands the setting's default.
    pub options: T,
    /// Those of single values. What is wrong with settings beyond that is to be added, before anything is written.
    pub faults: Faults,
}

/// Reads the process's configuration. Prints `--help` or `--version` as clap does, and warnings about variables that are not
/// read one a line. If it is not even clear which command is meant, it prints what is wrong on standard error, and exits.
pub fn parse<T: Parser>() -> Parsed<T> {
    let command = T::command();
    let variables = VARIABLES.get_or_init(Variables::read);
    let mut warnings = Vec::new();
    let read = read(variables, std::env::args_os(), &mut warnings);
    variables.strangers(command.get_name(), &Setting::all_of(&command), &mut warnings);
    match read {
        Ok((parsed, matches)) => {
            let is_quiet = matches.subcommand_name().is_some_and(|name| QUIET_COMMANDS.contains(&name));
            if !is_quiet {
                print_warnings(command.get_name(), &warnings);
            }
            WARNINGS.get_or_init(|| warnings);
            parsed
        }
        Err(Unread::Refused(error)) => {
            print_warnings(command.get_name(), &warnings);
            refuse(&command, &error.to_string())
        }
        Err(Unread::Help(error)) => error.exit(),
    }
}

/// Why there are no settings.
#[derive(Debug)]
enum Unread {
    /// The command line asks for the help.
    Help(clap::Error),
    Refused(ConfigError),
}

fn read<T: Parser>(
    variables: &Variables,
    args: impl IntoIterator<Item = impl Into<OsString>>,
    warnings: &mut Vec<String>,
) -> Result<(Parsed<T>, ArgMatches), Unread> {
    let mut given = Given::default();
    let mut command = with_variables(T::command(), variables, &[], &mut given);
    let line = command_line::read(&mut command, args).map_err(Unread::Help)?;
    warnings.append(&mut given.warnings);
    warnings.extend(given.values.iter().flat_map(|values| values.warnings(line.matches.as_ref())));
    let faults = faults_of(&T::command(), variables, given, &line);
    let Some(matches) = line.matches else { return Err(Unread::Refused(error_of(faults))) };
    match T::from_arg_matches(&matches) {
        Ok(options) => Ok((Parsed { options, faults }, matches)),
        // A required setting has a value that cannot be read; its fault is recorded.
        Err(_) => Err(Unread::Refused(error_of(faults))),
    }
}

/// The faults of single values, and the source of each value.
fn faults_of(command: &Command, variables: &Variables, given: Given, line: &CommandLine) -> Faults {
    let mut faults = Faults::new();
    if let Some(fault) = variables.file_fault() {
        faults.add(format!(".env cannot be read: {fault}"));
    }
    for (variable, shown) in &given.origins {
        faults.set_origin(variable, shown.clone());
    }
    if let Some(matches) = &line.matches {
        note_given(command, matches, &mut faults);
    }
    for LineFault { argument, text } in &line.faults {
        let Some(argument) = argument else {
            faults.add(text.as_str());
            continue;
        };
        let variable = variable_of(command, argument);
        let name = variable.as_ref().unwrap_or(argument);
        faults.refuse(name, format!("{name}: {text}"));
        if let Some(variable) = &variable {
            set_flag(&mut faults, variable, argument);
        }
    }
    refused::report_refused(given.refused, line.matches.as_ref(), &mut faults);
    faults
}

/// The variable of a setting that is given by a flag.
fn variable_of(command: &Command, flag: &str) -> Option<String> {
    let own =
        command.get_arguments().find(|arg| arg.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long)));
    let own = own.and_then(|arg| arg.get_env()?.to_str().map(str::to_owned));
    own.or_else(|| command.get_subcommands().find_map(|inner| variable_of(inner, flag)))
}

fn set_flag(faults: &mut Faults, variable: &str, flag: &str) {
    faults.set_origin(variable, format!("{variable} ({flag})"));
}

/// Notes the flags of the settings that the command line gives, and each address with an unclear login.
fn note_given(command: &Command, matches: &ArgMatches, faults: &mut Faults) {
    for arg in command.get_arguments() {
        let id = arg.get_id().as_str();
        let Some(variable) = arg.get_env().and_then(OsStr::to_str) else { continue };
        let Ok(Some(mut values)) = matches.try_get_raw(id) else { continue };
        if let Some(long) = arg.get_long().filter(|_| matches.value_source(id) == Some(ValueSource::CommandLine)) {
            set_flag(faults, variable, &format!("--{long}"));
        }
        if values.any(|value| login::is_unclear(variable, value)) {
            faults.refuse(variable, format!("{variable}: {}", login::UNCLEAR));
        }
    }
    if let Some((name, inner)) = matches.subcommand()
        && let Some(subcommand) = command.find_subcommand(name)
    {
        note_given(subcommand, inner, faults);
    }
}

fn error_of(faults: Faults) -> ConfigError {
    faults.finish_with(None::<()>).err().unwrap_or_else(|| ConfigError::of("the command line cannot be understood"))
}

/// Warnings of variables that are not read, or are read under another name; without values.
pub fn warnings() -> &'static [String] {
    WARNINGS.get().map(Vec::as_slice).unwrap_or_default()
}

/// Prints a program's warnings on standard error, one a line: before the faults of a start that is refused.
pub fn print_warnings(program: &str, warnings: &[String]) {
    for warning in warnings {
        // A failed write means that standard error is closed: the warning has no reader then.
        writeln!(std::io::stderr(), "{program}: warning: {warning}").ok();
    }
}

fn refuse(command: &Command, fault: &str) -> ! {
    // A failed write means that standard error is closed: the fault has no reader then.
    writeln!(std::io::stderr(), "{}: {fault}", command.get_name()).ok();
    std::process::exit(EXIT_REFUSED.into())
}

#[cfg(test)]
mod tests;
