//! Values for clap's arguments from sources that clap itself does not read; see [`super::variables`] for the names.

use std::ffi::OsStr;
use std::path::Path;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::files::read_text;
use super::ignored::warnings_of_values;
use super::refused::{self, Refused, matches_at};
use super::variables::{Found, Variables};
use super::words::shown;

/// The largest secret file that is read.
const SECRET_FILE_LIMIT: u64 = 64 * 1024;

/// The values of a command's arguments that variables give, besides those that clap reads by itself.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) refused: Vec<Refused>,
    /// Variables whose value came from elsewhere, and how each is shown with that.
    pub(super) origins: Vec<(String, String)>,
    /// What the variables of each setting say.
    pub(super) values: Vec<Values>,
    /// About values that their setting cannot have.
    pub(super) warnings: Vec<String>,
}

/// What the environment and `.env` say of one setting, the first value counting.
#[derive(Debug)]
pub(super) struct Values {
    /// The subcommands that lead to the setting.
    path: Vec<String>,
    arg: Arg,
    variable: String,
    found: Vec<Found>,
}

impl Values {
    /// The warnings about values that are not used, and about names that are not ours. A flag goes before all of them.
    pub(super) fn warnings(&self, matches: Option<&ArgMatches>) -> Vec<String> {
        let id = self.arg.get_id().as_str();
        let matches = matches.and_then(|matches| matches_at(&self.path, matches));
        let given = matches.filter(|matches| matches.value_source(id) == Some(ValueSource::CommandLine));
        let Some(given) = given else { return warnings_of_values(&self.variable, &self.found) };
        let words: Vec<&OsStr> = given.try_get_raw(id).ok().flatten().into_iter().flatten().collect();
        let others = self.found.iter().filter(|found| words != [OsStr::new(&found.value)]);
        others.map(|other| other.ignored_for(&shown(&self.arg))).collect()
    }
}

/// Gives each argument the value that its variable has beyond what clap reads by itself: under another name, in `.env`, or, of
/// a secret `NAME`, in the file that `NAME_FILE` names. A variable set to nothing is removed, and so is one with a value
/// that the argument cannot have.
pub(super) fn with_variables(mut command: Command, variables: &Variables, path: &[String], all: &mut Given) -> Command {
    for subcommand in command.get_subcommands().map(|s| s.get_name().to_owned()).collect::<Vec<_>>() {
        let inner = command.find_subcommand(&subcommand).cloned().unwrap_or_default();
        let changed = with_variables(inner, variables, &[path, std::slice::from_ref(&subcommand)].concat(), all);
        command = command.mut_subcommand(&subcommand, |_| changed);
    }
    let arguments: Vec<(Arg, String)> =
        command.get_arguments().filter_map(|arg| Some((arg.clone(), arg.get_env()?.to_str()?.to_owned()))).collect();
    for (arg, variable) in arguments {
        // An address may contain a login: the help names variables and shows no value.
        command = command.mut_arg(arg.get_id(), |arg| arg.hide_env_values(true));
        let mut found = variables.values_of(&variable, &mut all.warnings);
        let given = value_of(&arg, &variable, variables, &mut found);
        if let Some(shown) = found.first().and_then(|found| found.shown_as(&variable)) {
            all.origins.push((variable.clone(), shown));
        }
        all.values.push(Values { path: path.to_vec(), arg: arg.clone(), variable: variable.clone(), found });
        // The help also names a variable that is set to nothing.
        if (given.is_err() || variables.is_empty_in_process(&variable)) && !wants_help() {
            command = command.mut_arg(arg.get_id(), |arg| arg.env(None::<&str>));
        }
        match given {
            Ok(Some(value)) => command = command.mut_arg(arg.get_id(), |arg| with_hidden_default(arg, value)),
            Ok(None) => {}
            Err(line) => {
                command = command.mut_arg(arg.get_id(), |arg| arg.required(false));
                all.refused.push(Refused { path: path.to_vec(), id: arg.get_id().clone(), variable, line });
            }
        }
    }
    command
}

fn wants_help() -> bool {
    std::env::args_os().any(|argument| ["--help", "-h", "help"].iter().any(|help| argument == *help))
}

/// The value of an argument that is not on the command line, or what is wrong with it. Adds the texts of a secret's files to the
/// values that were found.
fn value_of(arg: &Arg, name: &str, variables: &Variables, found: &mut Vec<Found>) -> Result<Option<String>, String> {
    if arg.is_hide_env_values_set() {
        add_secret_files(variables, name, found)?;
    }
    let value = found.first().map(|found| found.value.clone());
    let given = variables.raw(name).or_else(|| value.as_ref().map(OsStr::new));
    match given.and_then(|value| refused::fault_of(arg, value)) {
        Some(fault) => Err(format!("{name}: {fault}")),
        None => Ok(value),
    }
}

/// Puts the text of each file that `NAME_FILE` names before the source's other names for the setting; beside `NAME` itself it is
/// refused.
fn add_secret_files(variables: &Variables, name: &str, found: &mut Vec<Found>) -> Result<(), String> {
    for file in variables.in_each(&format!("{name}_FILE")) {
        let origin = file.origin();
        let is_beside = |other: &&Found| other.name == name && other.line.is_some() == file.line.is_some();
        if let Some(plain) = found.iter().find(is_beside) {
            return Err(format!("{} and {origin} are both set; expected one of them", plain.origin()));
        }
        let is_weaker = |other: &Found| file.line.is_none() || other.line.is_some();
        let at = found.iter().position(is_weaker).unwrap_or(found.len());
        let value = match read_secret(Path::new(&file.value)) {
            Ok(secret) => secret,
            // The error leaves out the path: it may be the secret itself, given by mistake.
            Err(error) if at == 0 => {
                return Err(format!("{origin}: the file cannot be read: {error}; expected a text file"));
            }
            // Another value is used, whatever the file has.
            Err(_) => String::new(),
        };
        found.insert(at, Found { value, ..file });
    }
    Ok(())
}

/// A file's text without the line end that editors add.
fn read_secret(path: &Path) -> std::io::Result<String> {
    let text = read_text(path, SECRET_FILE_LIMIT)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// clap wants texts that live as long as the process; configuration is read once, so leaking one is bounded.
fn with_hidden_default(arg: Arg, value: String) -> Arg {
    arg.default_value(&*Box::leak(value.into_boxed_str())).hide_default_value(true).required(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_secret_is_read_up_to_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "x".repeat(64 * 1024 + 1)).unwrap();
        assert_eq!(read_secret(&path).unwrap_err().to_string(), "it is larger than 64 KiB");
        assert_eq!(read_secret(Path::new("/dev/zero")).unwrap_err().to_string(), "it is no regular file");
    }

    #[test]
    fn a_secret_file_fills_the_gap_and_stays_out_of_the_help() {
        let key = Arg::new("key").long("key").required(true);
        let mut command = Command::new("test").arg(with_hidden_default(key, "from-file".to_owned()));
        assert!(!command.render_long_help().to_string().contains("from-file"));
        let matches = command.try_get_matches_from_mut(["test"]).unwrap();
        assert_eq!(matches.get_one::<String>("key").map(String::as_str), Some("from-file"));
    }

    #[test]
    fn the_help_names_variables_and_shows_no_value() {
        let command = Command::new("test").arg(Arg::new("url").long("url").env("PATH"));
        let mut command = with_variables(command, &Variables::of(&[], ""), &[], &mut Given::default());
        let help = command.render_long_help().to_string();
        assert!(help.contains("[env: PATH]"), "{help}");
    }

    #[test]
    fn the_line_end_of_a_secret_file_is_not_part_of_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, " a b \r\n").unwrap();
        assert_eq!(read_secret(&path).unwrap(), " a b ");
        assert!(read_secret(folder.path()).is_err());
    }
}
