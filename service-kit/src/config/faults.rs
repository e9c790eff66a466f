//! All faults of a configuration, reported at once.
//!
//! A fault begins with the name of its variable (`PUBLIC_URL: …`), or with several (`TLS_CERT, TLS_KEY: …`). No fault shows a
//! value: any may be a secret or contain one. The list adds to each name the source of its value, if that is not the variable
//! itself: `PUBLIC_URL (--public-url): …`, `PUBLIC_URL (.env, line 3): …`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Collects the faults of a configuration.
#[derive(Debug, Default)]
pub struct Faults {
    lines: Vec<String>,
    /// Settings whose value cannot be read, so that a default stands in for it, or cannot be used: further faults of these
    /// settings are left out.
    unreadable: BTreeSet<String>,
    /// Names of variables, each with the source of its value.
    origins: BTreeMap<String, String>,
    warnings: Vec<String>,
}

/// Every fault of a configuration, one per line; a single one is shown in one line. The warnings are printed before: see
/// [`super::print_warnings`].
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    lines: Vec<String>,
    warnings: Vec<String>,
}

impl Faults {
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a valid value; otherwise records the variable and the expected form.
    pub fn check<T, E>(&mut self, variable: &str, expected: &str, result: Result<T, E>) -> Option<T> {
        if result.is_err() {
            self.add(format!("{variable}: the value is not valid; expected {expected}"));
        }
        result.ok()
    }

    /// Records a fault in words of its own: start it with the variable's name, and show no value.
    pub fn add(&mut self, line: impl Into<String>) {
        let line = line.into();
        if !names_of(&line).iter().any(|name| self.is_refused(name)) {
            self.lines.push(line);
        }
    }

    /// Records what does not prevent a start; a start that is refused would not come to log it.
    pub fn warn(&mut self, warnings: impl IntoIterator<Item = String>) {
        self.warnings.extend(warnings);
    }

    /// Whether the setting's value is refused; its default may stand in for it.
    pub fn is_refused(&self, setting: &str) -> bool {
        self.unreadable.contains(setting)
    }

    /// Records a value that cannot be read or used; only the first such fault of a setting counts.
    pub(crate) fn refuse(&mut self, setting: &str, line: String) {
        if self.unreadable.insert(setting.to_owned()) {
            self.lines.push(line);
        }
    }

    /// Records the source of a variable's value; `shown` replaces the variable's name in faults.
    pub(super) fn set_origin(&mut self, variable: &str, shown: String) {
        self.origins.insert(variable.to_owned(), shown);
    }

    /// Takes over the faults that another part of the program finds in settings without a fault here: parts share settings.
    pub fn merge(&mut self, other: Self) {
        let known: BTreeSet<String> = self.lines.iter().flat_map(|line| names_of(line)).map(str::to_owned).collect();
        for line in other.lines {
            if !names_of(&line).iter().any(|name| known.contains(*name)) {
                self.add(line);
            }
        }
        self.warnings.extend(other.warnings);
    }

    pub fn finish(self) -> Result<(), ConfigError> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let lines = self.lines.iter().map(|line| self.with_origins(line)).collect();
        Err(ConfigError { lines, warnings: self.warnings })
    }

    /// Returns the value if the configuration has no faults.
    pub fn finish_with<T>(mut self, value: Option<T>) -> Result<T, ConfigError> {
        if value.is_none() && self.lines.is_empty() {
            // Every missing value has recorded its own fault, so this line never shows; it is still an error, not a panic.
            self.add("a value is missing");
        }
        let missing = || ConfigError::of("a value is missing");
        self.finish().and_then(|()| value.ok_or_else(missing))
    }

    fn with_origins(&self, line: &str) -> String {
        let names = names_of(line);
        let Some((_, rest)) = line.split_once(": ").filter(|_| !names.is_empty()) else { return line.to_owned() };
        let shown: Vec<&str> = names.iter().map(|name| self.origins.get(*name).map_or(*name, String::as_str)).collect();
        format!("{}: {rest}", shown.join(", "))
    }
}

/// The variables that a fault begins with.
fn names_of(line: &str) -> Vec<&str> {
    let Some((subject, _)) = line.split_once(": ") else { return Vec::new() };
    let names: Vec<&str> = subject.split(", ").collect();
    if names.iter().all(|name| is_variable(name)) { names } else { Vec::new() }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

impl ConfigError {
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// A single fault after which nothing more can be read.
    pub(super) fn of(line: impl Into<String>) -> Self {
        Self { lines: vec![line.into()], warnings: Vec::new() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is not valid:")?;
        if let [line] = self.lines.as_slice() {
            return write!(f, " {line}");
        }
        for line in &self.lines {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn text(faults: Faults) -> String {
        faults.finish().unwrap_err().to_string()
    }

    #[test]
    fn all_faults_are_reported_at_once() {
        let mut faults = Faults::new();
        let expected = "host:port such as 127.0.0.1:5000";
        assert_eq!(faults.check("A", expected, "x".parse::<SocketAddr>()), None);
        assert_eq!(faults.check("B", "a number", "7".parse::<u8>()), Some(7));
        faults.add("C: must differ from A");
        let text = text(faults);
        assert!(text.contains("A: the value is not valid; expected host:port such as 127.0.0.1:5000"), "{text}");
        assert!(text.contains("C: must differ from A"), "{text}");
        assert!(!text.contains("B:"), "{text}");
    }

    #[test]
    fn a_single_fault_stays_on_the_line_of_the_message() {
        let mut faults = Faults::new();
        faults.add("C: must differ from A");
        assert_eq!(text(faults), "the configuration is not valid: C: must differ from A");
    }

    #[test]
    fn what_follows_from_a_value_that_cannot_be_read_is_no_fault_of_its_own() {
        let mut faults = Faults::new();
        faults.refuse("A", "A: the value is not valid; expected a number".to_owned());
        faults.refuse("A", "A: once more".to_owned());
        faults.add("A: not set");
        faults.add("B, A: expected both or neither");
        faults.add("B: not set");
        assert_eq!(
            text(faults),
            "the configuration is not valid:\n  A: the value is not valid; expected a number\n  B: not set"
        );
    }

    #[test]
    fn each_name_is_listed_with_where_its_value_came_from() {
        let mut faults = Faults::new();
        faults.set_origin("A", "A (--a)".to_owned());
        faults.set_origin("B", "B (.env, line 2)".to_owned());
        faults.add("A, B, C: expected all or none");
        faults.add("the file .env: is not one of ours");
        let text = text(faults);
        assert!(text.contains("\n  A (--a), B (.env, line 2), C: expected all or none"), "{text}");
        assert!(text.contains("\n  the file .env: is not one of ours"), "{text}");
    }

    #[test]
    fn settings_that_parts_of_a_program_share_are_reported_once() {
        let (mut bank, mut email) = (Faults::new(), Faults::new());
        bank.add("PUBLIC_URL: of the bank");
        email.add("PUBLIC_URL: of mails");
        email.add("EMAIL_FROM: not a sender");
        bank.merge(email);
        assert_eq!(
            text(bank),
            "the configuration is not valid:\n  PUBLIC_URL: of the bank\n  EMAIL_FROM: not a sender"
        );
    }

    #[test]
    fn the_warnings_of_a_start_that_is_refused_are_none_of_its_faults() {
        let (mut bank, mut email) = (Faults::new(), Faults::new());
        bank.warn(["RATE: no limit".to_owned()]);
        email.warn(Some("JWKS_URL: plain http".to_owned()));
        email.add("C: not set");
        bank.merge(email);
        let error = bank.finish().unwrap_err();
        assert_eq!(error.warnings(), ["RATE: no limit", "JWKS_URL: plain http"]);
        assert_eq!(error.to_string(), "the configuration is not valid: C: not set");
        let mut sound = Faults::new();
        sound.warn(["RATE: no limit".to_owned()]);
        assert_eq!(sound.finish(), Ok(()));
    }

    #[test]
    fn a_value_that_is_missing_without_a_fault_is_an_error() {
        assert_eq!(Faults::new().finish_with(Some(7)), Ok(7));
        assert!(Faults::new().finish_with(None::<u8>).is_err());
        let mut faults = Faults::new();
        faults.add("A: not set");
        assert_eq!(faults.finish_with(Some(7)).unwrap_err().lines(), ["A: not set"]);
    }
}
