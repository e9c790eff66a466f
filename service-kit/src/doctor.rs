//! The report of `doctor`: a line for each check on standard output, and exit code 1 if one failed.
//!
//! A line begins with `ok`, `FAIL` or `WARN`; the first two then name the variable, or the part, that was checked.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use reqwest::Response;
use url::Url;

use crate::config::{ConfigError, warnings};
use crate::http::auth::{JWKS_VARIABLE, Jwks};
use crate::http::healthcheck::{DOCUMENT, service_name};
use crate::http::{PeerClient, PeerTrust, causes};
#[cfg(feature = "amqp")]
use crate::messaging::AmqpSettings;
#[cfg(feature = "amqp")]
use crate::messaging::amqp::{Role, probe};

const LIMIT: Duration = Duration::from_secs(5);
/// As much of another server's name as a report shows.
const LONGEST_NAME: usize = 60;

/// What a check found, or what is wrong.
pub type Checked = Result<String, String>;

/// A report that has begun.
#[derive(Debug)]
pub struct Doctor {
    is_sound: bool,
}

impl Doctor {
    /// Begins with a valid configuration, and the warnings about it.
    pub fn begin(of_values: impl IntoIterator<Item = String>) -> io::Result<Self> {
        let mut doctor = Self { is_sound: true };
        doctor.report("configuration", Ok("valid".to_owned()))?;
        for warning in warnings().iter().cloned().chain(of_values) {
            warn(warning)?;
        }
        Ok(doctor)
    }

    /// The whole report on an invalid configuration: nothing that it points to can be checked.
    pub fn refused(error: &ConfigError) -> io::Result<ExitCode> {
        // An unknown variable may be the misspelt name of a missing one.
        for warning in warnings().iter().chain(error.warnings()) {
            warn(warning)?;
        }
        for line in error.lines() {
            print("FAIL", format_args!("configuration: {line}"))?;
        }
        Ok(ExitCode::FAILURE)
    }

    pub fn report(&mut self, name: &str, checked: Checked) -> io::Result<()> {
        match checked {
            Ok(text) => print("ok", format_args!("{name}: {text}")),
            Err(text) => {
                self.is_sound = false;
                print("FAIL", format_args!("{name}: {text}"))
            }
        }
    }

    pub fn finish(self) -> ExitCode {
        if self.is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Writes a warning, which fails no check.
pub fn warn(warning: impl Display) -> io::Result<()> {
    print("WARN", warning)
}

fn print(mark: &str, text: impl Display) -> io::Result<()> {
    writeln!(io::stdout(), "{mark:<4}  {text}")
}

/// Sends a request to another service, and warns if it answers by the other scheme. An error is its causes, without the URL.
pub async fn reach(variable: &'static str, url: &Url, trust: &PeerTrust) -> Result<Response, String> {
    let answer = PeerClient::new(variable, trust, LIMIT).probe(url).await;
    let (answer, warning) = answer.map_err(|error| causes(&error.without_url()))?;
    if let Some(warning) = warning {
        warn(warning).map_err(|error| error.to_string())?;
    }
    Ok(answer)
}

/// Checks that the service of this name, and no other one, answers at the address in the variable.
pub async fn service(name: &str, variable: &'static str, base: &Url, trust: &PeerTrust) -> Checked {
    let url = base.join(DOCUMENT).map_err(|error| error.to_string())?;
    let answer = reach(variable, &url, trust).await;
    let answer =
        answer.map_err(|causes| format!("{} cannot be reached: {causes}; is that service running?", shown(&url)))?;
    let (place, status) = (shown(answer.url()), answer.status());
    if !status.is_success() {
        return Err(format!("{place} answers {status}; expected the address of {name}"));
    }
    match service_name(answer).await {
        Some(found) if found == name => Ok(format!("{name} answers at {place}")),
        Some(found) => {
            let found: String = found.chars().take(LONGEST_NAME).collect();
            Err(format!("{place} is of {found:?}; expected the address of {name}"))
        }
        None => Err(format!("{place} is no API document, so another server's; expected the address of {name}")),
    }
}

/// The address without a login that stands in it.
fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// Fetches the keys that verify tokens.
pub async fn keys(jwks_url: &str, trust: &PeerTrust) -> Checked {
    let url = jwks_url.parse().map_err(|_| "not an address".to_owned())?;
    let answer = reach(JWKS_VARIABLE, &url, trust).await;
    let answer = answer.map_err(|causes| format!("{causes}; is bank-service running?"))?;
    let answer = answer.error_for_status().map_err(|error| error.without_url().to_string())?;
    let keys: Jwks = answer.json().await.map_err(|_| "the answer is not a key set".to_owned())?;
    if keys.keys.is_empty() { Err("the key set is empty".to_owned()) } else { Ok(format!("{} keys", keys.keys.len())) }
}

/// Connects to the broker, if there is one, and checks the rights for these roles.
#[cfg(feature = "amqp")]
pub async fn broker(settings: Option<&AmqpSettings>, roles: &[Role<'_>], without: &str) -> Checked {
    let Some(settings) = settings else { return Ok(format!("not set; {without}")) };
    probe(settings, roles).await.map_err(|error| error.to_string())?;
    Ok(format!("{} answers", settings.endpoint()))
}

/// The finding on a file or folder that the first start makes: no fault, and `doctor` makes nothing.
pub fn not_made_yet(what: &str) -> Checked {
    Ok(format!("there is no {what} yet; the service makes it when it starts"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// What the report says of a server that gives this answer to a request, where log-service is expected.
    async fn finding(answer: &'static str) -> Checked {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let answering = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            assert!(connection.read(&mut [0; 1024]).unwrap() > 0);
            connection.write_all(answer.as_bytes()).unwrap();
        });
        let found = service("log-service", "LOG_SERVICE_URL", &base, &PeerTrust::default()).await;
        answering.join().unwrap();
        found
    }

    #[tokio::test]
    async fn a_service_is_known_by_its_name_and_any_other_server_is_a_fault() {
        let found = finding("HTTP/1.0 200 OK\r\n\r\n{\"info\":{\"title\":\"log-service\"}}").await.unwrap();
        assert!(found.starts_with("log-service answers at http://127.0.0.1:"), "{found}");
        for (answer, cause) in [
            ("HTTP/1.0 200 OK\r\n\r\n{\"info\":{\"title\":\"email-service\"}}", "is of \"email-service\"; expected"),
            ("HTTP/1.0 200 OK\r\n\r\n<html>Welcome</html>", "is no API document"),
            ("HTTP/1.0 404 Not Found\r\n\r\n", "answers 404 Not Found; expected the address of log-service"),
            ("HTTP/1.0 302 Found\r\nLocation: /login\r\n\r\n", "answers 302 Found; expected"),
        ] {
            let fault = finding(answer).await.unwrap_err();
            assert!(fault.contains(cause), "{fault}");
        }
    }

    #[test]
    fn an_address_is_shown_without_its_login() {
        let url = Url::parse("https://user:s3cret@log.example:8000/livez?key=s3cret").unwrap();
        assert_eq!(shown(&url), "https://log.example:8000/livez");
    }

    #[test]
    fn one_failed_check_fails_the_report_and_a_warning_does_not() {
        let mut doctor = Doctor::begin(["LIMIT: is off".to_owned()]).unwrap();
        doctor.report("STORE", not_made_yet("database")).unwrap();
        assert!(doctor.is_sound);
        doctor.report("BROKER", Err("it refused the login".to_owned())).unwrap();
        doctor.report("KEYS", Ok("2 keys".to_owned())).unwrap();
        assert_eq!(doctor.finish(), ExitCode::FAILURE);
    }
}
