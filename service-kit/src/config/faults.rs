//! All faults of a configuration, reported together.

use std::fmt;

/// Collects what is wrong with a configuration.
#[derive(Debug, Default)]
pub struct Faults {
    lines: Vec<String>,
}

/// Every fault of a configuration, one per line; a single one is shown in one line.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    lines: Vec<String>,
}

impl Faults {
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a value that is right; notes the variable, what was given and what was expected otherwise. For a secret, pass
    /// `"***"` as the value shown. The login of a URL is never shown.
    pub fn check<T, E>(
        &mut self,
        variable: &str,
        value_shown: impl fmt::Display,
        expected: &str,
        result: Result<T, E>,
    ) -> Option<T> {
        if result.is_err() {
            let shown = without_login(&value_shown.to_string());
            self.add(format!("{variable}: {shown:?} is not valid; expected {expected}"));
        }
        result.ok()
    }

    /// Notes a fault in words of its own: start it with the variable's name.
    pub fn add(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    pub fn finish(self) -> Result<(), ConfigError> {
        if self.lines.is_empty() { Ok(()) } else { Err(ConfigError { lines: self.lines }) }
    }
}

impl ConfigError {
    pub fn lines(&self) -> &[String] {
        &self.lines
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

/// A text with `***` for the login of each URL in it, also where the scheme is missing or is not written rightly.
pub(super) fn without_login(text: &str) -> String {
    let parts = text.split("://").enumerate().map(|(at, part)| match part.rsplit_once('@') {
        Some((login, rest)) if at > 0 || login.contains(':') => format!("***@{rest}"),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("://")
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn all_faults_are_reported_at_once() {
        let mut faults = Faults::new();
        let expected = "host:port such as 127.0.0.1:5000";
        assert_eq!(faults.check("A", "x", expected, "x".parse::<SocketAddr>()), None);
        assert_eq!(faults.check("B", "7", "a number", "7".parse::<u8>()), Some(7));
        faults.add("C: must differ from A");
        let text = faults.finish().unwrap_err().to_string();
        assert!(text.contains("A: \"x\" is not valid; expected host:port such as 127.0.0.1:5000"), "{text}");
        assert!(text.contains("C: must differ from A"), "{text}");
        assert!(!text.contains("B:"), "{text}");
    }

    #[test]
    fn a_single_fault_stays_on_the_line_of_the_message() {
        let mut faults = Faults::new();
        faults.add("C: must differ from A");
        assert_eq!(faults.finish().unwrap_err().to_string(), "the configuration is not valid: C: must differ from A");
    }

    #[test]
    fn the_login_of_a_url_is_never_shown() {
        for (given, shown) in [
            ("https://ok.example,https://u:hunter2@a.example:1,*", "https://ok.example,https://***@a.example:1,*"),
            ("https://u:hunter2/@#x@a.example", "https://***@a.example"),
            ("https://hunter2@a.example", "https://***@a.example"),
            ("https:/u:hunter2@a.example", "***@a.example"),
            ("u:hunter2@127.0.0.1:5000", "***@127.0.0.1:5000"),
            ("Bank <no-reply@bank example>", "Bank <no-reply@bank example>"),
            ("*", "*"),
        ] {
            let mut faults = Faults::new();
            faults.check("A", given, "something else", Err::<(), ()>(()));
            let text = faults.finish().unwrap_err().to_string();
            assert!(text.ends_with(&format!("A: {shown:?} is not valid; expected something else")), "{text}");
        }
    }
}
