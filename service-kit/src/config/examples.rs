//! `APP_ENV`, and secrets copied from example files: production refuses them, whatever they protect.

use std::collections::BTreeSet;

use clap::Args;
use url::{Host, Url};

use super::{AppEnv, Faults, Secret, login};

/// Parts of the placeholders that the example files of this repository, and of most others, have where a secret belongs.
const PARTS: [&str; 10] = [
    "change-me",
    "changeme",
    "example",
    "secret-key",
    "puthere",
    "mysecret",
    "your_",
    "your-",
    "my_email",
    "my_secret",
];
/// Ends of such placeholders.
const ENDS: [&str; 3] = ["_pass", "_password", "userpass"];
/// Words that are no secret wherever they stand, a broker's login when new among them.
const WORDS: [&str; 14] = [
    "admin", "guest", "letmein", "mysql", "pass", "passw0rd", "password", "postgres", "qwer1234", "qwerty", "root",
    "secret", "test", "toor",
];
/// So few different characters are a pattern typed by hand: a random text of 32 characters, even of hex digits, has more.
const FEWEST_DIFFERENT: usize = 6;
/// Shorter texts are too short for that rule.
const LONG: usize = 16;

/// `APP_ENV` for services that have no other use for it than to refuse example secrets.
#[derive(Debug, Clone, Copy, Args)]
pub struct EnvOptions {
    /// Which rules apply; production refuses example secrets
    #[arg(long, env = "APP_ENV", value_enum, default_value = "development", global = true)]
    pub app_env: AppEnv,
}

impl Default for EnvOptions {
    fn default() -> Self {
        super::defaults()
    }
}

/// Whether a text says of itself that it is to be replaced, or is one that nobody drew at random: `aaaa…`, `12341234…`.
pub fn resembles_example(secret: &str) -> bool {
    let lower = secret.to_lowercase();
    PARTS.iter().any(|part| lower.contains(part))
        || ENDS.iter().any(|end| lower.ends_with(end))
        || WORDS.contains(&lower.as_str())
        || is_monotonous(secret)
}

fn is_monotonous(secret: &str) -> bool {
    let different: BTreeSet<char> = secret.chars().collect();
    secret.chars().count() >= LONG && different.len() < FEWEST_DIFFERENT
}

/// Notes an address of a provider that secrets would go to in the clear, while the rules are those of production. An address on
/// this machine is let pass.
pub fn refuse_plain_http(app_env: AppEnv, variable: &str, url: &Url, faults: &mut Faults) {
    if app_env.is_production() && is_plain(url) {
        faults.add(format!("{variable}: plain http, which production refuses; expected an https address"));
    }
}

/// The same as a warning: keys or tokens are fetched from an address that somebody between could answer for.
pub fn plain_http_warning(app_env: AppEnv, variable: &str, url: &Url) -> Option<String> {
    let warning =
        || format!("{variable}: plain http to another host in production; make sure that the network is private");
    (app_env.is_production() && is_plain(url)).then(warning)
}

/// Whether requests leave this machine unencrypted.
pub fn is_plain(url: &Url) -> bool {
    let own = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && !own
}

impl Faults {
    /// Notes each secret that is an example while the rules are those of production. Of a URL the password counts: a host may
    /// well be called db.example.com. Nothing of the secret is shown.
    pub fn refuse_examples(&mut self, app_env: AppEnv, secrets: &[(&str, Option<&Secret>)]) {
        for (variable, secret) in secrets {
            if app_env.is_production() && secret.is_some_and(|secret| is_example(secret.expose())) {
                self.add(format!(
                    "{variable}: an example value, which production refuses; expected a secret of your own"
                ));
            }
        }
    }
}

/// Of a URL the password counts, which must not be the user's name either. An address without one, or of a file, guards nothing.
fn is_example(text: &str) -> bool {
    if login::is_path(text) {
        return false;
    }
    if !text.contains("://") {
        return resembles_example(text);
    }
    let login = login::login_of(text).and_then(|login| login.split_once(':'));
    login.is_some_and(|(user, password)| resembles_example(password) || (!password.is_empty() && user == password))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(app_env: AppEnv, text: &str) -> bool {
        let mut faults = Faults::new();
        let secret = Secret::new(text);
        faults.refuse_examples(app_env, &[("AMQP_URI", Some(&secret)), ("OTHER", None)]);
        let warning = faults.finish().map_err(|error| error.to_string());
        assert!(
            warning.as_ref().err().is_none_or(|report| report.contains("AMQP_URI: ") && !report.contains(text)),
            "{warning:?}"
        );
        warning.is_err()
    }

    #[test]
    fn production_refuses_what_is_to_be_replaced_and_nothing_else() {
        for example in [
            "change-me",
            "amqp://bank:CHANGE-ME-1@rabbit",
            "mysql://u:changeme@db:3306/bank?x=1",
            "amqp://guest:guest@h",
            "amqp://bank:secret@h",
            "amqp://rabbituser:rabbituserpass@h",
            "mysql://root:pass@h/db",
            "mysql://root:Password@h/db",
            "mysql://flask_mysql_user:flask_mysql_pass@h/db",
            "mongodb://bank:bank@h",
            "qwer1234",
            "my_email_password",
            "your-mailgun-api-key",
        ] {
            assert!(refused(AppEnv::Production, example), "{example}");
            assert!(!refused(AppEnv::Staging, example), "{example}");
        }
        for sound in [
            "",
            "amqp://bank:f00@rabbit.example.com/x",
            "mongodb://h/example",
            "amqp://example@h",
            "sqlite:./example",
            "s3cr3t",
        ] {
            assert!(!refused(AppEnv::Production, sound), "{sound}");
        }
    }

    #[test]
    fn a_text_that_nobody_drew_at_random_is_an_example() {
        for typed in ["a".repeat(32), "12".repeat(16), "abcd ".repeat(8), "please puthereyoursecretkey".to_owned()] {
            assert!(resembles_example(&typed), "{typed}");
        }
        for drawn in ["0123456789abcdef0123456789abcdef", "q0TqJXk0q4dVtq2m3yX0rJvB4mJxS9pY", "aaaa"] {
            assert!(!resembles_example(drawn), "{drawn}");
        }
    }

    #[test]
    fn plain_http_is_refused_in_production_beyond_this_machine() {
        let refused = |app_env, url: &str| {
            let mut faults = Faults::new();
            let url = url.parse().unwrap();
            refuse_plain_http(app_env, "SMS_BASE_URL", &url, &mut faults);
            assert_eq!(
                plain_http_warning(app_env, "SMS_BASE_URL", &url).is_some(),
                is_plain(&url) && app_env.is_production()
            );
            faults.finish().is_err_and(|error| error.to_string().contains("SMS_BASE_URL"))
        };
        for url in ["http://sms.example", "http://10.0.0.1:8080", "http://localhost.example", "http://[fe80::1]"] {
            assert!(refused(AppEnv::Production, url), "{url}");
            assert!(!refused(AppEnv::Staging, url), "{url}");
        }
        for url in ["https://sms.example", "http://127.0.0.9:8080", "http://localhost", "http://[::1]:1"] {
            assert!(!refused(AppEnv::Production, url), "{url}");
        }
    }
}
