//! Flags, environment, `.env` and secret files, in this order of precedence; see [`super::variables`] for the names.

use std::ffi::OsString;
use std::io::Write;
use std::sync::OnceLock;

use clap::error::ErrorKind;
use clap::{ArgMatches, Command, Parser};

use super::ConfigError;
use super::arguments::with_variables;
use super::refused;
use super::variables::Variables;

/// The exit code for a command line that cannot be understood, as of other programs.
const EXIT_USAGE: i32 = 2;
/// Commands that print something for a program, or the warnings themselves.
const QUIET_COMMANDS: [&str; 3] = ["healthcheck", "openapi", "doctor"];

/// The environment of the process, read once.
static VARIABLES: OnceLock<Result<Variables, String>> = OnceLock::new();
static WARNINGS: OnceLock<Vec<String>> = OnceLock::new();

/// Reads the process's configuration. Prints `--help` or `--version` as clap does, warnings about variables that are not read
/// one a line, or what is wrong on standard error, and exits.
pub fn parse<T: Parser>() -> T {
    let command = T::command();
    // A missing `.env` is the normal case; a broken one must not be half applied in silence.
    let variables = match VARIABLES.get_or_init(Variables::read) {
        Ok(variables) => variables,
        Err(error) => refuse(&command, &format!(".env cannot be read: {error}")),
    };
    let mut warnings = Vec::new();
    let read = read(variables, std::env::args_os(), &mut warnings);
    variables.strangers(command.get_name(), &our_names(&command), &mut warnings);
    match read {
        Ok((parsed, matches)) => {
            print_warnings(&command, &matches, &warnings);
            WARNINGS.get_or_init(|| warnings);
            parsed
        }
        Err(Unread::Variables(error)) => refuse(&command, &error.to_string()),
        Err(Unread::Line(error)) if error.use_stderr() => refuse(&command, &one_line(&error)),
        Err(Unread::Line(error)) => error.exit(),
    }
}

/// Why there are no settings.
#[derive(Debug)]
enum Unread {
    /// The command line cannot be understood, or asks for the help.
    Line(clap::Error),
    Variables(ConfigError),
}

fn read<T: Parser>(
    variables: &Variables,
    args: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    warnings: &mut Vec<String>,
) -> Result<(T, ArgMatches), Unread> {
    let mut refused = Vec::new();
    let mut command = with_variables(T::command(), variables, &[], warnings, &mut refused);
    let matches = command.try_get_matches_from_mut(args).map_err(Unread::Line)?;
    refused::finish(refused, &matches).map_err(Unread::Variables)?;
    let parsed = T::from_arg_matches(&matches).map_err(|error| Unread::Line(error.format(&mut command)))?;
    Ok((parsed, matches))
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
    // The warnings were printed when the process read its own.
    match read(variables, args, &mut Vec::new()) {
        Ok((parsed, _)) => Ok(parsed),
        Err(Unread::Line(error)) => Err(error),
        Err(Unread::Variables(error)) => Err(command.error(ErrorKind::ValueValidation, format!("{error}\n"))),
    }
}

/// The variables of a command and of its subcommands.
fn our_names(command: &Command) -> Vec<String> {
    let names = command.get_arguments().filter_map(|arg| Some(arg.get_env()?.to_str()?.to_owned()));
    names.chain(command.get_subcommands().flat_map(our_names)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AppEnv, Secret};

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

    #[derive(Debug, Parser)]
    struct Typed {
        #[arg(long, env = "SERVICE_KIT_TEST_PORT", default_value_t = 1)]
        port: u16,
        #[arg(long, env = "SERVICE_KIT_TEST_MODE", value_enum, global = true)]
        mode: Option<AppEnv>,
        #[arg(long, env = "SERVICE_KIT_TEST_PIN", hide_env_values = true)]
        pin: Option<u32>,
        #[command(subcommand)]
        run: Option<Run>,
    }

    #[derive(Debug, clap::Subcommand)]
    enum Run {
        Now {
            #[arg(long, env = "SERVICE_KIT_TEST_AT")]
            at: Option<std::net::SocketAddr>,
        },
    }

    fn typed(process: &[(&str, &str)], file: &str, args: &[&str]) -> Result<Typed, String> {
        let args = std::iter::once("test").chain(args.iter().copied());
        match read(&Variables::of(process, file), args, &mut Vec::new()) {
            Ok((typed, _)) => Ok(typed),
            Err(Unread::Line(error)) => Err(one_line(&error)),
            Err(Unread::Variables(error)) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_value_that_a_setting_cannot_have_is_told_by_its_variable_and_line_all_at_once() {
        let process = [("SERVICE_KIT_TEST_PORT", "abc"), ("SERVICE_KIT_TEST_PIN", "hunter2")];
        let told = typed(&process, "\nSERVICE_KIT_TEST_MODE=prodd\nSERVICE_KIT_TEST_AT=nowhere", &[]).unwrap_err();
        for line in [
            "\n  SERVICE_KIT_TEST_PORT: \"abc\" is not valid (invalid digit found in string); expected a whole number",
            "\n  SERVICE_KIT_TEST_MODE (.env, line 2): \"prodd\" is not valid; expected one of development, testing, staging, production",
            "\n  SERVICE_KIT_TEST_PIN: the value is not valid; expected a whole number",
        ] {
            assert!(told.contains(line), "{line} in {told}");
        }
        // The setting of a subcommand that does not run, and a secret.
        assert!(!told.contains("SERVICE_KIT_TEST_AT") && !told.contains("hunter2"), "{told}");
        let told = typed(&[("SERVICE_KIT_TEST_AT", "u:hunter2@h:1")], "", &["now"]).unwrap_err();
        assert!(told.contains("SERVICE_KIT_TEST_AT: \"***@h:1\" is not valid"), "{told}");
        let told = typed(&[("SERVICE_KIT_TEST_PORT", "--help")], "", &[]).unwrap_err();
        assert!(told.contains("SERVICE_KIT_TEST_PORT: \"--help\" is not valid"), "{told}");
    }

    #[test]
    fn a_flag_takes_the_place_of_a_value_that_its_setting_cannot_have() {
        let process = [("SERVICE_KIT_TEST_PORT", "abc"), ("SERVICE_KIT_TEST_MODE", "prodd")];
        let read = typed(&process, "", &["--port", "2", "now", "--mode", "staging"]).unwrap();
        assert_eq!((read.port, read.mode), (2, Some(AppEnv::Staging)));
        assert!(read.pin.is_none() && matches!(read.run, Some(Run::Now { at: None })));
        // Of a flag's own fault clap tells.
        let told = typed(&process, "", &["--port", "x"]).unwrap_err();
        assert!(told.contains("--port") && told.contains("'x'"), "{told}");
    }

    #[test]
    fn a_missing_required_secret_is_named() {
        let error = parse_from::<Settings>(["test"]).unwrap_err();
        assert!(error.to_string().contains("--key"), "{error}");
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
