//! Warns about values that do not count: those under a name that is not read, and those that differ from the one that is used.
//! No warning shows a value.

use super::foreign::{is_foreign, is_link, is_of_image};
use super::guesses::{Setting, closest, is_close};
use super::names::{NAMES, SECRETS};
use super::old_names::{ENGINES, OLD_NAMES, OldName, Treatment};
use super::variables::{Found, Variables};

const ALL_IN_ONE: &str = "bank-standalone";

impl Found {
    /// The warning about a value that differs from the one that is used.
    pub(super) fn ignored_for(&self, used: &str) -> String {
        format!("{} says something else than {used} and is ignored", self.origin())
    }
}

impl Variables {
    fn in_either_case(&self, name: &str) -> Option<Found> {
        self.exactly(name).or_else(|| self.exactly(&name.to_lowercase()))
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
                        warnings.push(format!("{origin} is called {name} here; it is not read{}", old.note()));
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
    let note =
        || OLD_NAMES.iter().find(|old| old.name == first.name.to_uppercase()).map(OldName::note).unwrap_or_default();
    let renamed = (!is_ours).then(|| format!("{origin} is called {name} here; its value is used{}", note()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::guesses::tests::{setting, settings_of};

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
    fn a_warning_about_an_old_name_names_another_unit_or_form_of_the_value() {
        let mut warnings = Vec::new();
        let variables = Variables::of(&[("ACCESS_TOKEN_EXPIRE", "900")], "");
        variables.strangers("bank-service", &[setting("ACCESS_TOKEN_MINUTES")], &mut warnings);
        let expected = "ACCESS_TOKEN_EXPIRE is called ACCESS_TOKEN_MINUTES here; it is not read: seconds there, 1 to 60 minutes here";
        assert_eq!(warnings, [expected]);
        let old = Variables::of(&[("SQLALCHEMY_DATABASE_URI", "mysql+pymysql://u:p@h/b")], "");
        let values = old.values_of("DATABASE_URL", &mut Vec::new());
        let warnings = warnings_of_values("DATABASE_URL", &values);
        assert!(
            warnings[0].ends_with("its value is used: without the name of a driver, such as +pymysql"),
            "{warnings:?}"
        );
    }

    #[test]
    fn an_old_name_in_lower_case_is_pointed_out_too() {
        let mut warnings = Vec::new();
        Variables::of(&[("mail_server", "x")], "").strangers("email-service", &[setting("EMAIL_HOST")], &mut warnings);
        assert!(
            warnings.len() == 1 && warnings[0].starts_with("mail_server is called EMAIL_HOST here"),
            "{warnings:?}"
        );
    }
}
