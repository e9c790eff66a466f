//! Finds a setting's value: under our variable, its lower-case form, or a name of the older services; first in the
//! environment, then in `.env`. A variable set to nothing is unset.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::dotenv::{self, EnvFile};
use super::old_names::{OLD_NAMES, Treatment};

#[derive(Debug, Default)]
pub(super) struct Variables {
    pub(super) process: BTreeMap<String, String>,
    /// Values of the environment that are not Unicode: clap reads them by itself, under our names only.
    raw: BTreeMap<String, OsString>,
    pub(super) file: EnvFile,
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

    /// The values under exactly this name, the environment's first.
    pub(super) fn in_each(&self, name: &str) -> impl Iterator<Item = Found> {
        [self.in_process(name), self.in_file(name)].into_iter().flatten()
    }

    /// The values of a setting, in the order in which they count: only the first is used. Adds warnings about parts of a value
    /// that are not used.
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
        taken = taken.or(Some(Found { value: convert(&found.value), ..found }));
    }
    taken
}

/// `RABBITMQ_HOST` and `RABBITMQ_PORT`, with the default login of a new broker. A platform that links containers sets the same
/// names to `tcp://…`; those are ignored. Parts from both sources are never put into one address.
fn broker(source: Source<'_>, warnings: &mut Vec<String>) -> Option<Found> {
    let either = |name: &str| source(name).or_else(|| source(&name.to_lowercase()));
    let plain = |name: &str| either(name).filter(|found| !found.value.starts_with("tcp://"));
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
    use crate::config::ignored::warnings_of_values;

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
    fn a_value_that_ours_cannot_have_is_kept_to_be_refused_and_shown_nowhere() {
        for (old, value, ours) in [
            ("FLASK_CERT", "/etc/hunter2.pem", "TLS"),
            ("FLASK_ENV", "hunter2", "APP_ENV"),
            ("SQLALCHEMY_DATABASE_URI", "hunter2.db", "DATABASE_URL"),
        ] {
            let (kept, warnings) = resolved(&[(old, value)], "", ours);
            assert_eq!(kept.as_deref(), Some(value), "{old}");
            assert!(!warnings.contains("hunter2"), "{warnings}");
        }
        let broker = resolved(&[("RABBITMQ_HOST", "amqp://rabbit")], "", "AMQP_URI").0;
        assert_eq!(
            broker.as_deref(),
            Some("amqp://guest:guest@amqp://rabbit:5672/%2f"),
            "no address, so it is refused"
        );
    }

    #[test]
    fn old_names_count_in_lower_case_too() {
        let (value, warning) = resolved(&[("mongodb_collections", "entries")], "", "MONGODB_COLLECTION");
        assert_eq!(value.as_deref(), Some("entries"));
        assert!(warning.starts_with("mongodb_collections is called MONGODB_COLLECTION here"), "{warning}");
        let (value, _) = resolved(&[("rabbitmq_host", "h"), ("rabbitmq_port", "1")], "", "AMQP_URI");
        assert_eq!(value.as_deref(), Some("amqp://guest:guest@h:1/%2f"));
    }
}
