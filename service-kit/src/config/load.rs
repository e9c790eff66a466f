//! Flags, environment, `.env` and secret files, in this order of precedence; see [`super::variables`] for the names.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Command, Parser};

use super::variables::Variables;

/// The exit code for a command line that cannot be understood, as of other programs.
const EXIT_USAGE: i32 = 2;
/// The largest secret file that is read.
const SECRET_FILE_LIMIT: u64 = 64 * 1024;
/// Commands that print something for a program, or the warnings themselves.
const QUIET_COMMANDS: [&str; 3] = ["healthcheck", "openapi", "doctor"];

/// The environment of the process, read once.
static VARIABLES: OnceLock<Result<Variables, String>> = OnceLock::new();
static WARNINGS: OnceLock<Vec<String>> = OnceLock::new();

/// Reads the process's configuration. Prints `--help` or `--version` as clap does, warnings about variables that are not read
/// one a line, or what is wrong in one line on standard error, and exits.
pub fn parse<T: Parser>() -> T {
    let mut command = T::command();
    // A missing `.env` is the normal case; a broken one must not be half applied in silence.
    let variables = match VARIABLES.get_or_init(Variables::read) {
        Ok(variables) => variables,
        Err(error) => refuse(&command, &format!(".env cannot be read: {error}")),
    };
    let mut warnings = Vec::new();
    let read = with_variables(T::command(), variables, &mut warnings).and_then(|mut prepared| {
        variables.strangers(command.get_name(), &our_names(&command), &mut warnings);
        let matches = prepared.try_get_matches_from_mut(std::env::args_os())?;
        let parsed = T::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        Ok((parsed, matches))
    });
    match read {
        Ok((parsed, matches)) => {
            print_warnings(&command, &matches, &warnings);
            WARNINGS.get_or_init(|| warnings);
            parsed
        }
        Err(error) if error.use_stderr() => refuse(&command, &one_line(&error)),
        Err(error) => error.exit(),
    }
}

/// What the environment says that is not read, or read under another name; without values.
pub fn warnings() -> &'static [String] {
    WARNINGS.get().map(Vec::as_slice).unwrap_or_default()
}

fn print_warnings(command: &Command, matches: &ArgMatches, warnings: &[String]) {
    if matches.subcommand_name().is_some_and(|name| QUIET_COMMANDS.contains(&name)) {
        return;
    }
    for warning in warnings {
        // Nobody is left to read it if standard error is closed.
        writeln!(std::io::stderr(), "{}: warning: {warning}", command.get_name()).ok();
    }
}

fn refuse(command: &Command, fault: &str) -> ! {
    // Nobody is left to tell if standard error is closed.
    writeln!(std::io::stderr(), "{}: {fault}", command.get_name()).ok();
    std::process::exit(EXIT_USAGE)
}

/// What clap says of a fault, without the usage that follows.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let told: Vec<&str> =
        lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more")).collect();
    format!("{}; see --help", told.join(" ").trim_start_matches("error: "))
}

/// The same from given arguments.
pub fn parse_from<T: Parser>(args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<T, clap::Error> {
    let mut command = T::command();
    let variables = VARIABLES.get_or_init(Variables::read).as_ref();
    let variables =
        variables.map_err(|error| command.error(ErrorKind::Io, format!(".env cannot be read: {error}\n")))?;
    // They were printed when the process read its own.
    let mut warnings = Vec::new();
    let mut command = with_variables(command, variables, &mut warnings)?;
    let matches = command.try_get_matches_from_mut(args)?;
    T::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

fn asks_for_help() -> bool {
    std::env::args_os().any(|argument| ["--help", "-h", "help"].iter().any(|help| argument == *help))
}

/// The variables of a command and of its subcommands.
fn our_names(command: &Command) -> Vec<String> {
    let names = command.get_arguments().filter_map(|arg| Some(arg.get_env()?.to_str()?.to_owned()));
    names.chain(command.get_subcommands().flat_map(our_names)).collect()
}

/// Gives each argument the value that its variable has beyond what clap reads by itself: under another name, in `.env`, or, of
/// a secret `NAME`, in the file that `NAME_FILE` names. A variable set to nothing is taken away.
fn with_variables(
    mut command: Command,
    variables: &Variables,
    warnings: &mut Vec<String>,
) -> Result<Command, clap::Error> {
    for subcommand in command.get_subcommands().map(|s| s.get_name().to_owned()).collect::<Vec<_>>() {
        let inner = command.find_subcommand(&subcommand).cloned().unwrap_or_default();
        let changed = with_variables(inner, variables, warnings)?;
        command = command.mut_subcommand(&subcommand, |_| changed);
    }
    let arguments: Vec<(clap::Id, String, bool)> = command
        .get_arguments()
        .filter_map(|arg| {
            Some((arg.get_id().clone(), arg.get_env()?.to_str()?.to_owned(), arg.is_hide_env_values_set()))
        })
        .collect();
    for (id, name, is_secret) in arguments {
        let found = variables.resolve(&name, warnings);
        // The help names a variable also where it is set to nothing.
        if variables.is_empty_in_process(&name) && !asks_for_help() {
            command = command.mut_arg(&id, |arg| arg.env(None::<&str>));
        }
        let from_file =
            if is_secret { secret_from_file(&mut command, variables, &name, found.is_some())? } else { None };
        if let Some(value) = from_file.or_else(|| found.map(|found| found.value)) {
            command = command.mut_arg(id, |arg| with_hidden_default(arg, value));
        }
    }
    Ok(command)
}

fn secret_from_file(
    command: &mut Command,
    variables: &Variables,
    name: &str,
    is_set: bool,
) -> Result<Option<String>, clap::Error> {
    let Some(path) = variables.exactly(&format!("{name}_FILE")).map(|found| found.value) else { return Ok(None) };
    if is_set {
        let text = format!("{name} and {name}_FILE are both set; expected one of them\n");
        return Err(command.error(ErrorKind::ArgumentConflict, text));
    }
    read_secret(Path::new(&path)).map(Some).map_err(|error| {
        command.error(ErrorKind::Io, format!("{name}_FILE: {path:?} cannot be read: {error}; expected a text file\n"))
    })
}

/// A file's text without the line end that editors add.
fn read_secret(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > SECRET_FILE_LIMIT {
        return Err(std::io::Error::other("it is larger than 64 KiB"));
    }
    let text = std::fs::read_to_string(path)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// clap wants texts that live as long as the process; configuration is read once, so leaking one is bounded.
fn with_hidden_default(arg: Arg, value: String) -> Arg {
    arg.default_value(&*Box::leak(value.into_boxed_str())).hide_default_value(true).required(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[derive(Debug, Parser)]
    struct Settings {
        #[arg(long, env = "SERVICE_KIT_TEST_BIND", default_value = "127.0.0.1:0")]
        bind: String,
        #[arg(long, env = "SERVICE_KIT_TEST_KEY", hide_env_values = true)]
        key: Secret,
        #[arg(long, env = "SERVICE_KIT_TEST_OTHER", hide_env_values = true)]
        other: Option<Secret>,
    }

    #[test]
    fn flags_and_defaults_are_read() {
        let settings: Settings = parse_from(["test", "--key", "k"]).unwrap();
        assert_eq!((settings.bind.as_str(), settings.key.expose()), ("127.0.0.1:0", "k"));
        assert!(settings.other.is_none());
    }

    #[test]
    fn a_fault_is_told_in_one_line_that_names_the_flag_and_its_form() {
        #[derive(Debug, Parser)]
        struct Server {
            #[arg(long, default_value = "127.0.0.1:0", value_name = "HOST:PORT")]
            _bind: std::net::SocketAddr,
        }
        for (args, parts) in [
            (["test", "--bind", "nowhere"], ["'nowhere'", "--bind", "HOST:PORT"]),
            (["test", "--port", "1"], ["--port", "unexpected", "--help"]),
        ] {
            let line = one_line(&parse_from::<Server>(args).unwrap_err());
            assert!(parts.iter().all(|part| line.contains(part)) && line.lines().count() == 1, "{line}");
        }
    }

    #[test]
    fn a_missing_required_secret_is_named() {
        let error = parse_from::<Settings>(["test"]).unwrap_err();
        assert!(error.to_string().contains("--key"), "{error}");
    }

    #[test]
    fn a_secret_file_fills_the_gap_and_stays_out_of_the_help() {
        let command = <Settings as clap::CommandFactory>::command();
        let mut command = command.mut_arg("key", |arg| with_hidden_default(arg, "from-file".to_owned()));
        assert!(!command.render_long_help().to_string().contains("from-file"));
        let matches = command.try_get_matches_from_mut(["test"]).unwrap();
        let settings = <Settings as clap::FromArgMatches>::from_arg_matches(&matches).unwrap();
        assert_eq!(settings.key.expose(), "from-file");
    }

    #[test]
    fn the_line_end_of_a_secret_file_is_not_part_of_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, " a b \r\n").unwrap();
        assert_eq!(read_secret(&path).unwrap(), " a b ");
        assert!(read_secret(folder.path()).is_err());
    }

    /// The environment of this process cannot be changed safely, so a child of it does the reading.
    fn read_in_child(environment: &[(&str, &str)]) -> String {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "config::load::tests::child", "--ignored", "--nocapture"])
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    #[ignore = "run by the tests below, in an environment of theirs"]
    fn child() {
        match parse_from::<Settings>(["test"]) {
            Ok(settings) => println!("key={} bind={}", settings.key.expose(), settings.bind),
            Err(error) => println!("{error}"),
        }
    }

    #[test]
    fn a_secret_is_read_from_its_variable_or_from_the_file_that_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "from-file\n").unwrap();
        let path = path.to_str().unwrap();
        let file = ("SERVICE_KIT_TEST_KEY_FILE", path);
        assert!(read_in_child(&[("SERVICE_KIT_TEST_KEY", "from-variable")]).contains("key=from-variable"));
        let read = read_in_child(&[file, ("SERVICE_KIT_TEST_BIND", "here")]);
        assert!(read.contains("key=from-file bind=here"), "{read}");
        let both = read_in_child(&[file, ("SERVICE_KIT_TEST_KEY", "hush")]);
        assert!(both.contains("SERVICE_KIT_TEST_KEY_FILE are both set") && !both.contains("hush"), "{both}");
        let missing = read_in_child(&[("SERVICE_KIT_TEST_KEY_FILE", "/nowhere")]);
        assert!(missing.contains("SERVICE_KIT_TEST_KEY_FILE: \"/nowhere\" cannot be read"), "{missing}");
    }
}
