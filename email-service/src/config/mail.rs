//! From variables to a mailer: `MAIL_URL` chooses it, or `EMAIL_HOST` is set. No fault shows a password.

use std::path::Path;
use std::time::Duration;

use service_kit::config::{Faults, base_url, check_folder, refuse_plain_http};
use url::Url;

use super::smtp::{ServerSettings, classic, smtp};
use super::{Config, MAIL_URL, given};
use crate::mailer::{MailTarget, MailgunSettings};

const FORMS: &str = "mailbox:<folder>, smtp://host:port, smtps://host:port or mailgun:";
const MAILGUN_LIMIT: Duration = Duration::from_secs(20);

/// The mailer, unless there are faults. The settings of every kind of mailer have to be valid, also of one that is not chosen.
pub(super) fn mail_target(config: &Config, faults: &mut Faults) -> Option<MailTarget> {
    let server = ServerSettings::read(config, faults);
    let mailgun_base = mailgun_base(config, faults);
    let url = config.mail_url.expose();
    let host = given(config.host.as_ref());
    if let Some(host) = host {
        if url != MAIL_URL {
            faults.add("MAIL_URL: set together with EMAIL_HOST; expected one of them");
        }
        return classic(config, host, server, faults);
    }
    let keyed = config.mailgun_api_key.as_ref().is_some_and(|key| !key.expose().is_empty());
    if url == MAIL_URL && (keyed || given(config.mailgun_domain.as_ref()).is_some()) {
        return mailgun(config, mailgun_base, faults);
    }
    match url.split_once(':') {
        Some(("mailbox", rest)) => mailbox(rest, faults),
        Some(("smtp" | "smtps", _)) => smtp(config, url, server, faults),
        Some(("mailgun", "" | "//")) => mailgun(config, mailgun_base, faults),
        _ => {
            // The URL may hold a password, so it is not shown.
            faults.add(format!("MAIL_URL: its scheme is not known; expected {FORMS}"));
            None
        }
    }
}

impl Config {
    /// The folder that `MAIL_URL` names, if it names one.
    pub fn mailbox(&self) -> Option<&Path> {
        self.mail_url.expose().strip_prefix("mailbox:").map(folder_of)
    }
}

fn folder_of(rest: &str) -> &Path {
    Path::new(rest.strip_prefix("//").unwrap_or(rest))
}

fn mailbox(rest: &str, faults: &mut Faults) -> Option<MailTarget> {
    let folder = folder_of(rest);
    if folder.as_os_str().is_empty() {
        faults.add("MAIL_URL: names no folder; expected mailbox:<folder>");
        return None;
    }
    check_folder("MAIL_URL", folder, faults);
    Some(MailTarget::Mailbox(folder.into()))
}

fn mailgun_base(config: &Config, faults: &mut Faults) -> Option<Url> {
    let expected = "an http or https URL without a query and a fragment";
    faults.check("MAILGUN_BASE_URL", expected, base_url(&config.mailgun_base_url).ok_or(()))
}

fn mailgun(config: &Config, base: Option<Url>, faults: &mut Faults) -> Option<MailTarget> {
    if let Some(base) = &base {
        refuse_plain_http(config.env.app_env, "MAILGUN_BASE_URL", base, faults);
    }
    let domain = given(config.mailgun_domain.as_ref()).unwrap_or_default();
    let fits = !domain.is_empty() && domain.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    let expected = "the sending domain, such as mg.bank.example";
    let domain = faults.check("MAILGUN_DOMAIN", expected, if fits { Ok(domain) } else { Err(()) });
    let key = config.mailgun_api_key.as_ref().filter(|key| !key.expose().is_empty());
    if key.is_none() {
        faults.add("MAILGUN_API_KEY: is missing; Mailgun needs it and MAILGUN_DOMAIN");
    }
    Some(MailTarget::Mailgun(MailgunSettings {
        base_url: base?.into(),
        domain: domain?.to_owned(),
        api_key: key?.clone(),
        limit: MAILGUN_LIMIT,
    }))
}

#[cfg(test)]
mod tests {
    use service_kit::config::Secret;

    use super::*;
    use crate::mailer::{Security, SmtpSettings};

    fn target(change: impl FnOnce(&mut Config)) -> Result<MailTarget, String> {
        let mut config = Config::default();
        change(&mut config);
        let mut faults = Faults::new();
        let target = mail_target(&config, &mut faults);
        faults.finish().map_err(|error| error.to_string())?;
        Ok(target.unwrap())
    }

    fn url(url: &str) -> Result<SmtpSettings, String> {
        target(|config| config.mail_url = Secret::new(url)).map(|target| match target {
            MailTarget::Smtp(settings) => settings,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn a_url_contains_host_port_login_and_tls() {
        let settings = url("smtp://me%40bank:p%2Fw@mail.example:2525?tls=opportunistic").unwrap();
        assert_eq!((settings.host.as_str(), settings.port), ("mail.example", 2525));
        assert_eq!(settings.security, Security::Unverified);
        let login = settings.login.unwrap();
        assert_eq!((login.user.as_str(), login.password.expose()), ("me@bank", "p/w"));
        let settings = url("smtp://u:p@ss@h:25").unwrap();
        let login = settings.login.unwrap();
        assert_eq!((settings.host.as_str(), settings.port), ("h", 25));
        assert_eq!((login.user.as_str(), login.password.expose()), ("u", "p@ss"));
        let settings = url("smtps://mail.example").unwrap();
        assert_eq!((settings.port, settings.security), (465, Security::Implicit));
        let settings = url("smtp://u:p@[::1]").unwrap();
        assert_eq!((settings.host.as_str(), settings.port, settings.security), ("[::1]", 587, Security::Required));
        assert_eq!(url("smtp://localhost:1025").unwrap().security, Security::Opportunistic);
    }

    #[test]
    fn the_classic_variables_are_the_same() {
        let made = target(|config| {
            config.host = Some("mail.example".into());
            config.port = Some("465".into());
            config.user = Some("me".into());
            config.app_password = Some(Secret::new("hunter2"));
        });
        let Ok(MailTarget::Smtp(settings)) = made else { panic!("{made:?}") };
        assert_eq!((settings.port, settings.security), (465, Security::Implicit));
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn mailguns_own_variables_choose_it_unless_another_mailer_is_named() {
        let with = |url: &str| {
            target(|config| {
                config.mail_url = Secret::new(url);
                config.mailgun_domain = Some("mg.bank.example".into());
                config.mailgun_api_key = Some(Secret::new("key"));
            })
            .unwrap()
        };
        assert!(matches!(with(MAIL_URL), MailTarget::Mailgun(_)));
        assert!(matches!(with("smtp://mail.example"), MailTarget::Smtp(_)));
        let alone = target(|config| config.mailgun_domain = Some("mg.bank.example".into())).unwrap_err();
        assert!(alone.contains("MAILGUN_API_KEY: is missing"), "{alone}");
        let empty = target(|config| config.mailgun_api_key = Some(Secret::new(""))).unwrap();
        assert!(matches!(empty, MailTarget::Mailbox(_)));
    }

    #[test]
    fn each_fault_of_a_mail_server_is_named_at_once() {
        let text = target(|config| config.mail_url = Secret::new("smtp://me@host?tls=maybe")).unwrap_err();
        assert!(text.contains("MAIL_URL: its query") && text.contains("EMAIL_APP_PASSWORD: is missing"), "{text}");
        let text = target(|config| {
            config.mail_url = Secret::new("smtp://b");
            config.host = Some("a:25".into());
            config.user = Some("me".into());
        })
        .unwrap_err();
        for variable in ["MAIL_URL", "EMAIL_HOST", "EMAIL_APP_PASSWORD"] {
            assert!(text.contains(&format!("\n  {variable}: ")), "{variable} in {text}");
        }
    }

    #[test]
    fn a_fault_names_its_variable_and_shows_no_password() {
        for (bad, variable) in [
            ("smtp://", "MAIL_URL"),
            ("smtp://me:hunter2@", "MAIL_URL"),
            ("smtp://me:hunter2@host/path", "MAIL_URL"),
            ("smtp://me:hunter2@host?tls=maybe", "MAIL_URL"),
            ("smtps://me:hunter2@host?tls=none", "MAIL_URL"),
            ("smtp://me@host", "EMAIL_APP_PASSWORD"),
            ("pigeon://hunter2", "MAIL_URL"),
            ("", "MAIL_URL"),
            ("mailbox:", "MAIL_URL"),
            ("mailbox:smtp://me:hunter2@host", "MAIL_URL"),
            ("mailbox://smtps://me:hunter2@host", "MAIL_URL"),
            ("mailbox:file:///hunter2", "MAIL_URL"),
            ("mailgun:", "MAILGUN_API_KEY"),
        ] {
            let text = target(|config| config.mail_url = Secret::new(bad)).unwrap_err();
            assert!(text.contains(&format!("{variable}: ")) && !text.contains("hunter2"), "{bad}: {text}");
        }
        let classic = |change: fn(&mut Config)| {
            target(|config| {
                config.host = Some("mail.example".into());
                change(config);
            })
            .unwrap_err()
        };
        assert!(classic(|config| config.host = Some("a:25".into())).contains("EMAIL_HOST: "));
        assert!(classic(|config| config.port = Some("70000".into())).contains("EMAIL_PORT: "));
        assert!(classic(|config| config.smtp_tls = Some("yes".into())).contains("EMAIL_SMTP_TLS: "));
        assert!(classic(|config| config.app_password = Some(Secret::new("x"))).contains("EMAIL_USER: "));
        assert!(classic(|config| config.mail_url = Secret::new("smtp://b")).contains("together with EMAIL_HOST"));
    }
}
