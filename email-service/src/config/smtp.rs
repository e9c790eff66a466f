//! From variables to a mail server: a URL, or `EMAIL_HOST` and its related variables. No fault shows a password.

use service_kit::config::{Faults, Secret};
use service_kit::tls::read_certificates;
use url::Url;

use super::{Config, given};
use crate::mailer::{Limits, Login, MailTarget, Security, SmtpSettings};

const SECURITIES: &str = "required, opportunistic, none or implicit";
const SUBMISSION: u16 = 587;
const SUBMISSIONS: u16 = 465;

/// The settings of any mail server, the error of each noted as a fault.
#[derive(Debug, Clone, Copy)]
pub(super) struct ServerSettings {
    port: Result<Option<u16>, ()>,
    security: Result<Option<Security>, ()>,
}

impl ServerSettings {
    pub(super) fn read(config: &Config, faults: &mut Faults) -> Self {
        let port = match given(config.port.as_ref()) {
            Some(text) => {
                let parsed = text.parse::<u16>().ok().filter(|port| *port != 0).ok_or(());
                faults.check("EMAIL_PORT", "a port from 1 to 65535", parsed).ok_or(()).map(Some)
            }
            None => Ok(None),
        };
        let security = match given(config.smtp_tls.as_ref()) {
            Some(text) => faults.check("EMAIL_SMTP_TLS", SECURITIES, security(text)).ok_or(()).map(Some),
            None => Ok(None),
        };
        if let Some(path) = config.smtp_ca.as_deref().filter(|path| !path.as_os_str().is_empty())
            && let Err(fault) = read_certificates(path)
        {
            faults.add(format!("EMAIL_SMTP_CA: {fault}"));
        }
        Self { port, security }
    }
}

/// The classic variables alone.
pub(super) fn classic(config: &Config, host: &str, server: ServerSettings, faults: &mut Faults) -> Option<MailTarget> {
    let expected = "a host's name or address; the port is EMAIL_PORT";
    let named = Url::parse(&format!("smtp://{host}")).ok();
    let named = named.filter(|url| url.host_str() == Some(host) && url.port().is_none()).ok_or(());
    let named = faults.check("EMAIL_HOST", expected, named);
    let login = login(config, None, faults).ok()?;
    let (port, security) = (server.port.ok()?.unwrap_or(SUBMISSION), server.security.ok()?);
    named?;
    let security = security.unwrap_or_else(|| default_security(port == SUBMISSIONS, login.is_some()));
    Some(settings(config, host.to_owned(), port, security, login))
}

/// `smtp://[user[:password]@]host[:port][?tls=…]`, or `smtps://…`.
pub(super) fn smtp(config: &Config, text: &str, server: ServerSettings, faults: &mut Faults) -> Option<MailTarget> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.path(), "" | "/") && url.fragment().is_none());
    let host = url.as_ref().and_then(Url::host_str).filter(|host| !host.is_empty());
    let (Some(url), Some(host)) = (&url, host) else {
        faults.add("MAIL_URL: not the URL of a mail server; expected smtp://host:port or smtps://host:port");
        return None;
    };
    if server.port.is_ok_and(|port| port.is_some()) {
        faults.add("EMAIL_PORT: goes with EMAIL_HOST; with MAIL_URL expected the port in the URL");
    }
    let login = login(config, in_url(url), faults);
    let in_query = tls_of(url);
    if in_query.is_err() {
        faults.add("MAIL_URL: its query is not known; expected nothing or ?tls=required|opportunistic|none");
    }
    let chosen = in_query.and_then(|of_url| server.security.map(|apart| of_url.or(apart)));
    let implicit = url.scheme() == "smtps";
    if implicit && matches!(chosen, Ok(Some(Security::Opportunistic | Security::Unverified | Security::Off))) {
        faults.add("MAIL_URL: smtps is always protected; expected smtp for another kind of TLS");
        return None;
    }
    let (login, chosen) = (login.ok()?, chosen.ok()?);
    let security = match chosen {
        Some(security) if !implicit => security,
        _ => default_security(implicit, login.is_some()),
    };
    let port = url.port().unwrap_or(if security == Security::Implicit { SUBMISSIONS } else { SUBMISSION });
    Some(settings(config, host.to_owned(), port, security, login))
}

fn settings(config: &Config, host: String, port: u16, security: Security, login: Option<Login>) -> MailTarget {
    let ca = config.smtp_ca.clone().filter(|path| !path.as_os_str().is_empty());
    let hello = config.message_id_domain.clone();
    MailTarget::Smtp(SmtpSettings { host, port, security, login, ca, hello, limits: Limits::default() })
}

/// With a password TLS is required; without one, mail is protected as far as the server can.
fn default_security(implicit: bool, with_login: bool) -> Security {
    match (implicit, with_login) {
        (true, _) => Security::Implicit,
        (false, true) => Security::Required,
        (false, false) => Security::Opportunistic,
    }
}

fn security(text: &str) -> Result<Security, ()> {
    match text {
        "required" => Ok(Security::Required),
        "opportunistic" => Ok(Security::Unverified),
        "none" => Ok(Security::Off),
        "implicit" => Ok(Security::Implicit),
        _ => Err(()),
    }
}

fn tls_of(url: &Url) -> Result<Option<Security>, ()> {
    let mut pairs = url.query_pairs();
    match (pairs.next(), pairs.next()) {
        (None, _) => Ok(None),
        (Some((name, value)), None) if name == "tls" && value != "implicit" => security(&value).map(Some),
        _ => Err(()),
    }
}

/// The login of the URL, or of `EMAIL_USER` and `EMAIL_APP_PASSWORD`. The error is already noted as a fault.
fn login(config: &Config, url: Option<(String, Option<String>)>, faults: &mut Faults) -> Result<Option<Login>, ()> {
    let password = config.app_password.as_ref().filter(|password| !password.expose().is_empty());
    let user = url.as_ref().map(|(user, _)| user.clone()).or_else(|| given(config.user.as_ref()).map(str::to_owned));
    let password = url.and_then(|(_, password)| password).map(Secret::new).or_else(|| password.cloned());
    match (user, password) {
        (Some(user), Some(password)) => Ok(Some(Login { user, password })),
        (None, None) => Ok(None),
        (Some(_), None) => {
            faults.add("EMAIL_APP_PASSWORD: is missing; expected the password of EMAIL_USER");
            Err(())
        }
        (None, Some(_)) => {
            faults.add("EMAIL_USER: is missing; expected the user that EMAIL_APP_PASSWORD belongs to");
            Err(())
        }
    }
}

fn in_url(url: &Url) -> Option<(String, Option<String>)> {
    let user = Some(url.username()).filter(|user| !user.is_empty())?;
    Some((percent_decoded(user), url.password().map(percent_decoded)))
}

/// Decodes `%40` and the like; any other text stays.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let code = after.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(code.unwrap_or(b'%'));
        rest = if code.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}
