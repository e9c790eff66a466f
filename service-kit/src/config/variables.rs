//! Finds a setting's value: under our variable, its lower-case form, or a name of the older services; first in the
//! environment, then in `.env`. A variable set to nothing is unset.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::dotenv::{self, EnvFile};
use super::foreign::{is_foreign, is_link, is_of_image};
use super::guesses::{Setting, closest, is_close};
use super::names::{NAMES, SECRETS};
use super::old_names::{ENGINES, OLD_NAMES, Treatment};

const ALL_IN_ONE: &str = "bank-standalone";

#[derive(Debug, Default)]
pub(super) struct Variables {
    process: BTreeMap<String, String>,
    /// Values of the environment that are not Unicode: clap reads them by itself, under our names only.
    raw: BTreeMap<String, OsString>,
    file: EnvFile,
}

/// Looks a name up in the environment, or in `.env`.
type Source<'a> = &'a dyn Fn(&str) -> Option<Found>;

/// A value, and where it was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) value: String,
    pub(super) name: String,
    /// None: the environment.
    pub(super) line: Option<usize>,
}

impl Found {
    pub(super) fn origin(&self) -> String {
        match self.line {
            Some(line) => format!("{} (.env, line {line})", self.name),
            None => self.name.clone(),
        }
    }

    /// The warning about a value that differs from the one that is used.
    pub(super) fn ignored_for(&self, used: &str) -> String {
        format!("{} says something else than {used} and is ignored", self.origin())
    }

    /// The setting's name as its faults show it; `None`: unchanged.
    pub(super) fn shown_as(&self, variable: &str) -> Option<String> {
        let line = self.line.map(|line| format!(".env, line {line}"));
        let name = Some(self.name.clone()).filter(|name| name != variable);
        let from: Vec<String> = [name, line].into_iter().flatten().collect();
        (!from.is_empty()).then(|| format!("{variable} ({})", from.join(", ")))
    }
}

impl Variables {
    /// The environment of this process and `.env` of its working directory.
    pub(super) fn read() -> Self {
        let (mut process, mut raw) = (BTreeMap::new(), BTreeMap::new());
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => drop(process.insert(name, value)),
                Err(value) => drop(raw.insert(name, value)),
            }
        }
        Self { process, raw, file: dotenv::read(Path::new(".env")) }
    }

    #[cfg(test)]
    pub(super) fn of(process: &[(&str, &str)], file: &str) -> Self {
        let process = process.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { process, raw: BTreeMap::new(), file: dotenv::parse(file) }
    }

    #[cfg(test)]
    pub(super) fn broken(process: &[(&str, &str)], fault: &str) -> Self {
        let file = EnvFile { fault: Some(fault.to_owned()), ..EnvFile::default() };
        Self { file, ..Self::of(process, "") }
    }

    /// Why `.env` cannot be read.
    pub(super) fn file_fault(&self) -> Option<&str> {
        self.file.fault.as_deref()
    }

    /// The value that clap reads by itself, since it is not Unicode.
    pub(super) fn raw(&self, name: &str) -> Option<&OsStr> {
        self.raw.get(name).map(OsString::as_os_str)
    }

    pub(super) fn is_empty_in_process(&self, name: &str) -> bool {
        self.process.get(name).is_some_and(String::is_empty)
    }

    fn in_process(&self, name: &str) -> Option<Found> {
        let value = self.process.get(name).filter(|value| !value.is_empty())?;
        Some(Found { value: value.clone(), name: name.to_owned(), line: None })
    }

    /// The last of equal names counts.
    fn in_file(&self, name: &str) -> Option<Found> {
        let entry = self.file.entries.iter().rev().find(|entry| entry.name == name)?;
        let found = Found { value: entry.value.clone(), name: name.to_owned(), line: Some(entry.line) };
        (!found.value.is_empty()).then_some(found)
    }

    /// The value under exactly this name.
    pub(super) fn exactly(&self, name: &str) -> Option<Found> {
        self.in_process(name).or_else(|| self.in_file(name))
    }

    fn in_either_case(&self, name: &str) -> Option<Found> {
        self.exactly(name).or_else(|| self.exactly(&name.to_lowercase()))
    }

    /// The values of a setting, in the order in which they count: only the first is used. Adds warnings about those that it cannot
    /// have.
    pub(super) fn values_of(&self, name: &str, warnings: &mut Vec<String>) -> Vec<Found> {
        let lower = name.to_lowercase();
        let sources: [Source<'_>; 2] = [&|name| self.in_process(name), &|name| self.in_file(name)];
        let mut values = Vec::new();
        for source in sources {
            let old = accepted_for(name, source, warnings);
            values.extend([source(name), source(&lower)].into_iter().flatten().chain(old));
        }
        values
    }

    /// Warnings about names that a program with these settings does not read.
    pub(super) fn strangers(&self, program: &str, ours: &[Setting], warnings: &mut Vec<String>) {
        warnings.extend(self.file.warnings.iter().map(|warning| format!(".env, {warning}")));
        for old in OLD_NAMES {
            let found = self.in_either_case(old.name);
            let is_meant =
                |found: &Found| !is_link(old.name, &found.value) && (found.line.is_some() || !is_of_image(old.name));
            let Some(found) = found.filter(is_meant) else { continue };
            let origin = found.origin();
            let is_ours = |name: &str| ours.iter().any(|our| our.variable == name);
            match old.treatment {
                // The warning about `ENGINES` covers these.
                Treatment::Renamed { ours: name } | Treatment::Accepted { ours: name, .. }
                    if program == ALL_IN_ONE && !is_ours(name) && !ENGINES.contains(&old.name) =>
                {
                    warnings.push(format!("{origin} is not read: it is {name} of the single services"));
                }
                Treatment::Renamed { ours: name } if is_ours(name) => {
                    if self.exactly(name).is_none() {
                        warnings.push(format!("{origin} is called {name} here; it is not read"));
                    }
                }
                Treatment::Gone { because } => warnings.push(format!("{origin} is not read: {because}")),
                Treatment::Renamed { .. } | Treatment::Accepted { .. } => {}
            }
        }
        self.unread(program, ours, warnings);
    }

    /// Warns about names that only resemble one of ours, and about settings that the all-in-one process has not.
    fn unread(&self, program: &str, ours: &[Setting], warnings: &mut Vec<String>) {
        let in_file = self.file.entries.iter().map(|entry| entry.name.as_str());
        let mut names: Vec<&str> = self.process.keys().map(String::as_str).chain(in_file).collect();
        names.sort_unstable();
        names.dedup();
        for name in names.into_iter().filter(|name| !ours.iter().any(|our| our.is_read_from(name))) {
            warnings.extend(self.exactly(name).and_then(|found| warning_about(program, &found, ours)));
        }
    }
}

/// The warnings about the values of a setting without a flag: a name of another service, if its value is used, and each value that
/// differs from the first.
pub(super) fn warnings_of_values(name: &str, values: &[Found]) -> Vec<String> {
    let Some((first, others)) = values.split_first() else { return Vec::new() };
    let origin = first.origin();
    let is_ours = first.name == name || first.name.strip_suffix("_FILE") == Some(name);
    let renamed = (!is_ours).then(|| format!("{origin} is called {name} here; its value is used"));
    let ignored = others.iter().filter(|other| other.value != first.value).map(|other| other.ignored_for(&origin));
    renamed.into_iter().chain(ignored).collect()
}

/// The warning about a variable that is not read; `None`: it is another program's, of ours or not, or the table of old names
/// covers it.
fn warning_about(program: &str, found: &Found, ours: &[Setting]) -> Option<String> {
    let upper = found.name.to_uppercase();
    let name = upper.as_str();
    let not_read = |hint: &str| Some(format!("{} is not read{hint}", found.origin()));
    if ours.iter().any(|our| our.has_name(name)) {
        return not_read(&format!("; did you mean {name}?"));
    }
    let setting = name.strip_suffix("_FILE").filter(|secret| SECRETS.contains(secret)).unwrap_or(name);
    let (is_engine, is_setting) = (ENGINES.contains(&setting), NAMES.contains(&setting));
    // Before names of others: that of the broker's host is of a family of those.
    if program == ALL_IN_ONE && is_engine {
        return not_read(": everything is kept in --data-dir; the single services take other servers");
    }
    if is_foreign(name, &found.value) {
        return None;
    }
    if program == ALL_IN_ONE && is_setting {
        return not_read(": it is a setting of the single services");
    }
    if is_engine || is_setting || OLD_NAMES.iter().any(|old| old.name == name) {
        return None;
    }
    let our = closest(name, ours)?;
    let is_close = is_close(name, ours);
    match found.line {
        // A part of the name may be a value.
        Some(line) if !is_close => Some(format!(".env, line {line}: a name that is not read; did you mean {our}?")),
        // Other programs have distant names, and names of one word, in the same environment.
        None if !is_close || !name.contains('_') => None,
        _ => not_read(&format!("; did you mean {our}?")),
    }
}

/// The value that an accepted old name gives one of our settings in one source.
fn accepted_for(ours: &str, source: Source<'_>, warnings: &mut Vec<String>) -> Option<Found> {
    if ours == "AMQP_URI" {
        return broker(source, warnings);
    }
    let mut taken = None;
    for old in OLD_NAMES {
        let Treatment::Accepted { ours: name, convert } = old.treatment else { continue };
        if name != ours {
            continue;
        }
        let Some(found) = source(old.name).or_else(|| source(&old.name.to_lowercase())) else { continue };
        match convert(&found.value) {
            Some(value) => taken = taken.or(Some(Found { value, ..found })),
            None => warnings.push(format!("{} has a value that {ours} cannot have, and is ignored", found.origin())),
        }
    }
    taken
}

/// `RABBITMQ_HOST` and `RABBITMQ_PORT`, with the default login of a new broker. A platform that links containers sets the same
/// names to `tcp://…`; those are ignored. Parts from both sources are never put into one address.
fn broker(source: Source<'_>, warnings: &mut Vec<String>) -> Option<Found> {
    let either = |name: &str| source(name).or_else(|| source(&name.to_lowercase()));
    let plain = |name: &str| either(name).filter(|found| !found.value.contains("://"));
    let port = plain("RABBITMQ_PORT");
    let Some(host) = plain("RABBITMQ_HOST") else {
        let alone = port.map(|port| {
            let place = if port.line.is_some() { ".env" } else { "the environment" };
            format!("{} is not used: {place} has no RABBITMQ_HOST for it", port.origin())
        });
        warnings.extend(alone);
        return None;
    };
    let number = port.as_ref().map_or("5672", |port| port.value.as_str());
    let value = format!("amqp://guest:guest@{}:{number}/%2f", host.value);
    // A fault of the address names the part that has it.
    let wrong = port.filter(|port| port.value.parse::<u16>().is_err());
    Some(Found { value, ..wrong.unwrap_or(host) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::guesses::tests::{setting, settings_of};

    fn resolved(process: &[(&str, &str)], file: &str, name: &str) -> (Option<String>, String) {
        let mut warnings = Vec::new();
        let values = Variables::of(process, file).values_of(name, &mut warnings);
        warnings.extend(warnings_of_values(name, &values));
        (values.into_iter().next().map(|found| found.value), warnings.join("\n"))
    }

    #[test]
    fn our_name_wins_over_its_lower_case_form_and_that_over_an_old_name_and_env_files_come_last() {
        let all = [("APP_ENV", "staging"), ("app_env", "testing"), ("FLASK_ENV", "production")];
        for (skipped, expected) in [(0, "staging"), (1, "testing"), (2, "production"), (3, "development")] {
            let (value, warnings) = resolved(&all[skipped..], "APP_ENV=development", "APP_ENV");
            assert_eq!(value.as_deref(), Some(expected));
            assert_eq!(
                warnings.contains("is called APP_ENV here; its value is used"),
                (1..=2).contains(&skipped),
                "{warnings}"
            );
        }
    }

    #[test]
    fn a_second_different_value_is_a_warning_without_values() {
        let process =
            [("DATABASE_URL", "mysql://u:hunter2@a/b"), ("SQLALCHEMY_DATABASE_URI", "mysql+pymysql://u:hunter2@c/d")];
        let (value, warnings) = resolved(&process, "", "DATABASE_URL");
        assert_eq!(value.as_deref(), Some("mysql://u:hunter2@a/b"));
        assert_eq!(warnings, "SQLALCHEMY_DATABASE_URI says something else than DATABASE_URL and is ignored");
        let same = [("DATABASE_URL", "mysql://u:p@a/b"), ("SQLALCHEMY_DATABASE_URI", "mysql+pymysql://u:p@a/b")];
        assert_eq!(resolved(&same, "", "DATABASE_URL").1, "");
        let (value, warnings) = resolved(&same[..1], "\nDATABASE_URL=mysql://u:hunter2@c/d", "DATABASE_URL");
        assert_eq!(value.as_deref(), Some("mysql://u:p@a/b"));
        assert_eq!(warnings, "DATABASE_URL (.env, line 2) says something else than DATABASE_URL and is ignored");
    }

    #[test]
    fn a_variable_set_to_nothing_is_unset() {
        let (value, _) =
            resolved(&[("EMAIL_HOST", ""), ("email_host", "")], "EMAIL_HOST=\nemail_host=mail", "EMAIL_HOST");
        assert_eq!(value.as_deref(), Some("mail"));
        assert_eq!(resolved(&[("EMAIL_HOST", "")], "EMAIL_HOST=''", "EMAIL_HOST").0, None);
    }

    #[test]
    fn a_broker_by_host_and_port_is_taken_and_that_of_a_platform_is_not() {
        let file = "RABBITMQ_HOST = \"localhost\"\nRABBITMQ_PORT = \"5673\"";
        let (value, warnings) = resolved(&[], file, "AMQP_URI");
        assert_eq!(value.as_deref(), Some("amqp://guest:guest@localhost:5673/%2f"));
        assert_eq!(warnings, "RABBITMQ_HOST (.env, line 1) is called AMQP_URI here; its value is used");
        let linked = [("RABBITMQ_PORT", "tcp://10.0.0.3:5672"), ("RABBITMQ_HOST", "rabbit")];
        assert_eq!(resolved(&linked, "", "AMQP_URI").0.as_deref(), Some("amqp://guest:guest@rabbit:5672/%2f"));
        assert_eq!(resolved(&linked[..1], "", "AMQP_URI").0, None);
        let ours = [("AMQP_URI", "amqp://a"), ("RABBITMQ_HOST", "localhost")];
        assert_eq!(resolved(&ours, "", "AMQP_URI").0.as_deref(), Some("amqp://a"));
    }

    #[test]
    fn a_port_without_a_host_beside_it_is_a_warning_and_is_not_used() {
        let (host, port) = (("RABBITMQ_HOST", "rabbit"), ("RABBITMQ_PORT", "5673"));
        let taken = Some("amqp://guest:guest@rabbit:5672/%2f");
        let in_file = "RABBITMQ_PORT (.env, line 1) is not used: .env has no RABBITMQ_HOST for it";
        let in_environment = "RABBITMQ_PORT is not used: the environment has no RABBITMQ_HOST for it";
        for (process, file, expected, warning) in [
            (&[host][..], "RABBITMQ_PORT=5673", taken, in_file),
            (&[port], "RABBITMQ_HOST=rabbit", taken, in_environment),
            (&[port], "", None, in_environment),
            (&[], "RABBITMQ_PORT=5673", None, in_file),
            (&[("AMQP_URI", "amqp://a")], "RABBITMQ_PORT=5673", Some("amqp://a"), in_file),
        ] {
            let (value, warnings) = resolved(process, file, "AMQP_URI");
            assert_eq!(value.as_deref(), expected, "{warnings}");
            assert!(warnings.contains(warning) && !warnings.contains("5673"), "{warnings}");
        }
        assert_eq!(resolved(&[("RABBITMQ_PORT", "tcp://10.0.0.3:5672")], "", "AMQP_URI").1, "");
    }

    #[test]
    fn a_fault_of_a_broker_by_host_and_port_names_the_part_that_is_wrong() {
        for (port, expected) in [("zz", "RABBITMQ_PORT"), ("70000", "RABBITMQ_PORT"), ("5673", "RABBITMQ_HOST")] {
            let variables = Variables::of(&[("RABBITMQ_HOST", "rabbit"), ("RABBITMQ_PORT", port)], "");
            assert_eq!(variables.values_of("AMQP_URI", &mut Vec::new())[0].name, expected, "{port}");
        }
    }

    #[test]
    fn a_value_that_ours_cannot_have_is_ignored_with_a_warning() {
        let (value, warnings) = resolved(&[("FLASK_CERT", "/etc/hunter2.pem")], "", "TLS");
        assert_eq!((value, warnings.as_str()), (None, "FLASK_CERT has a value that TLS cannot have, and is ignored"));
    }

    #[test]
    fn names_of_other_services_and_names_that_resemble_ours_are_pointed_out() {
        let process =
            [("MAIL_SERVER", "hunter2"), ("JWT_SECRET_KEY", "hunter2"), ("EMAIL_HOTS", "hunter2"), ("HOME", "/root")];
        let mut warnings = Vec::new();
        let ours = ["EMAIL_HOST", "EMAIL_PORT"].map(setting);
        Variables::of(&process, "nonsense").strangers("email-service", &ours, &mut warnings);
        let text = warnings.join("\n");
        for part in [
            "MAIL_SERVER is called EMAIL_HOST here",
            "JWT_SECRET_KEY is not read",
            "did you mean EMAIL_HOST?",
            ".env, line 1",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(warnings.len() == 4 && !text.contains("hunter2"), "{text}");
        warnings.clear();
        Variables::of(&[("MAIL_SERVER", "x"), ("EMAIL_HOST", "y")], "").strangers(
            "email-service",
            &ours,
            &mut warnings,
        );
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn misspelt_names_are_pointed_out_in_the_environment_and_in_the_file() {
        let process = [
            ("APP_ENVIRONMENT", "hunter2"),
            ("tls_cert_file", "hunter2"),
            ("TRUSTED_PROXY", "hunter2"),
            ("LOG_LEVEL", "hunter2"),
            ("RATE_LOGIN", "hunter2"),
            ("EMPTY_SECRET_KEYS", ""),
            ("Secret_Key", "hunter2"),
            ("secret_key_file", "hunter2"),
            ("workers", "4"),
            ("SECRET_KEY_FLIE", "hunter2"),
        ];
        let mut warnings = Vec::new();
        let variables = Variables::of(&process, "DATABASES_URL=hunter2\nSECRET_KEYS=\nLOGLEVEL=hunter2");
        variables.strangers("bank-service", &settings_of("bank-service"), &mut warnings);
        let expected = [
            "APP_ENVIRONMENT is not read; did you mean APP_ENV?",
            "DATABASES_URL (.env, line 1) is not read; did you mean DATABASE_URL?",
            "LOGLEVEL (.env, line 3) is not read; did you mean RUST_LOG?",
            "LOG_LEVEL is not read; did you mean RUST_LOG?",
            "RATE_LOGIN is not read; did you mean RATE_LOGIN_PER_MINUTE?",
            "SECRET_KEY_FLIE is not read; did you mean SECRET_KEY_FILE?",
            "Secret_Key is not read; did you mean SECRET_KEY?",
            "TRUSTED_PROXY is not read; did you mean TRUSTED_PROXIES?",
            "secret_key_file is not read; did you mean SECRET_KEY_FILE?",
            "tls_cert_file is not read; did you mean TLS_CERT?",
        ];
        assert_eq!(warnings, expected);
    }

    #[test]
    fn a_distant_name_is_not_shown_and_is_another_programs_in_the_environment() {
        let distant = ["SECRET_KEY_hunter2", "ADMIN_PASShunt", "cors_hunter_origins"];
        let warnings_of = |process: &[(&str, &str)], file: &str| {
            let mut warnings = Vec::new();
            Variables::of(process, file).strangers("bank-service", &settings_of("bank-service"), &mut warnings);
            warnings
        };
        assert_eq!(warnings_of(&distant.map(|name| (name, "1")), ""), [""; 0]);
        let mut warnings = warnings_of(&[], &distant.map(|name| format!("{name}=1")).join("\n"));
        warnings.sort_unstable();
        let expected = [(1, "SECRET_KEY"), (2, "ADMIN_PASS"), (3, "CORS_ORIGINS")]
            .map(|(line, our)| format!(".env, line {line}: a name that is not read; did you mean {our}?"));
        assert_eq!(warnings, expected);
        // One word says too little in an environment.
        assert_eq!(warnings_of(&[("WORKER", "1")], ""), [""; 0]);
        assert_eq!(warnings_of(&[], "WORKER=1"), ["WORKER (.env, line 1) is not read; did you mean WORKERS?"]);
    }

    #[test]
    fn an_old_name_that_images_of_servers_read_too_counts_in_the_file_alone() {
        for (program, name) in [("bank-service", "MYSQL_PASSWORD"), ("bank-standalone", "POSTGRES_USER")] {
            let warnings_of = |variables: Variables| {
                let mut warnings = Vec::new();
                variables.strangers(program, &settings_of(program), &mut warnings);
                warnings
            };
            assert_eq!(warnings_of(Variables::of(&[(name, "hunter2")], "")), [""; 0], "{name}");
            let named = warnings_of(Variables::of(&[], &format!("{name}=hunter2")));
            assert!(named.len() == 1 && named[0].starts_with(&format!("{name} (.env, line 1) is ")), "{named:?}");
        }
    }

    /// A desktop, a build server, a pod beside others, a systemd unit, and what our own files set for the containers.
    const FOREIGN: &str = include_str!("foreign_environment.txt");

    #[test]
    fn an_environment_of_others_and_settings_of_our_other_programs_raise_no_warning() {
        let mut process: Vec<(&str, &str)> =
            FOREIGN.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('=')).collect();
        assert!(process.len() > 150);
        for program in ["bank-standalone", "bank-service", "log-service", "email-service"] {
            if program != ALL_IN_ONE {
                process.extend(NAMES.iter().map(|name| (*name, "1")));
            }
            let mut warnings = Vec::new();
            Variables::of(&process, "").strangers(program, &settings_of(program), &mut warnings);
            assert!(warnings.is_empty(), "{program}: {warnings:#?}");
        }
    }

    #[test]
    fn the_all_in_one_process_names_variables_of_engines_that_it_has_not() {
        let names =
            ["DATABASE_URL", "database_url", "DATABASE_URL_FILE", "RABBITMQ_HOST", "rabbitmq_host", "RABBITMQ_PORT"];
        for name in names {
            let mut warnings = Vec::new();
            Variables::of(&[(name, "mysql://u:hunter2@h/b")], "").strangers("bank-standalone", &[], &mut warnings);
            assert!(warnings.len() == 1 && warnings[0].starts_with(&format!("{name} is not read")), "{warnings:?}");
        }
    }

    #[test]
    fn the_all_in_one_process_names_settings_of_the_single_services_too() {
        let set = [
            "APP_ENV",
            "EMAIL_HOST",
            "FLASK_CERT",
            "FLASK_ENV",
            "MONGODB_COLLECTIONS",
            "MYSQL_HOST",
            "RABBITMQ_USER",
            "TLS",
            "WORKERS",
            "EMAIL_APP_PASSWORD_FILE",
        ];
        let process: Vec<_> = set.iter().map(|name| (*name, "hunter2")).collect();
        let mut warnings = Vec::new();
        Variables::of(&process, "").strangers("bank-standalone", &[setting("EMAIL_HOST")], &mut warnings);
        let text = warnings.join("\n");
        for name in set.iter().filter(|name| **name != "EMAIL_HOST") {
            assert!(
                warnings.iter().any(|warning| warning.starts_with(&format!("{name} is not read"))),
                "{name}: {text}"
            );
        }
        assert!(warnings.len() == set.len() - 1 && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn old_names_count_in_lower_case_too() {
        let (value, warning) = resolved(&[("mongodb_collections", "entries")], "", "MONGODB_COLLECTION");
        assert_eq!(value.as_deref(), Some("entries"));
        assert!(warning.starts_with("mongodb_collections is called MONGODB_COLLECTION here"), "{warning}");
        let (value, _) = resolved(&[("rabbitmq_host", "h"), ("rabbitmq_port", "1")], "", "AMQP_URI");
        assert_eq!(value.as_deref(), Some("amqp://guest:guest@h:1/%2f"));
        let mut warnings = Vec::new();
        Variables::of(&[("mail_server", "x")], "").strangers("email-service", &[setting("EMAIL_HOST")], &mut warnings);
        assert!(
            warnings.len() == 1 && warnings[0].starts_with("mail_server is called EMAIL_HOST here"),
            "{warnings:?}"
        );
    }
}
