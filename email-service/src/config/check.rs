//! Checks the configuration: every fault is noted, and settings exist only if there is none.

use service_kit::config::{ConfigError, Faults, is_plain, plain_http_warning, public_url};
use shared_events::routing::EMAIL_QUEUE;
use shared_events::{Pattern, catalog};

use super::{Config, Settings, database, mail};
use crate::domain::{EmailAddress, LinkBase, MessageId};
use crate::store::MAX_RECIPIENTS;

impl Config {
    /// Checks everything; the error names every fault.
    pub fn check(&self) -> Result<Settings, ConfigError> {
        self.check_with(Faults::new())
    }

    /// The same after faults were found already, which the error lists, too.
    pub fn check_with(&self, mut faults: Faults) -> Result<Settings, ConfigError> {
        let settings = self.settings(&mut faults);
        faults.finish_with(settings)
    }

    /// The checked settings; every fault is noted. Nothing is written.
    pub fn settings(&self, faults: &mut Faults) -> Option<Settings> {
        let bind = faults.check("EMAIL_BIND", "host:port such as 127.0.0.1:8001", self.bind.parse());
        let mail = mail::mail_target(self, faults);
        let from = faults.check("EMAIL_FROM", "a sender such as Bank <no-reply@bank.example>", self.from.parse());
        let domain = self.domain(faults);
        let receivers = self.receivers(faults);
        let operator = faults.check("EMAIL_OPERATOR", "an address", self.operator.parse());
        let links = self.public_url.as_deref().filter(|text| !text.is_empty());
        let links = links.and_then(|text| {
            let expected = "an address such as https://bank.example, without a login, a query and a fragment";
            let links = public_url(text).and_then(|_| text.parse::<LinkBase>().ok());
            faults.check("PUBLIC_URL", expected, links.ok_or(()))
        });
        if self.env.app_env.is_production() && links.as_ref().is_some_and(|links| is_plain(links.url())) {
            faults.add("PUBLIC_URL: plain http, which production refuses: links would go in the clear; expected the https address that people use");
        }
        let store = database::store_target(self, faults);
        let record_days = in_range(self.record_days).then_some(self.record_days).ok_or(());
        let record_days = faults.check("EMAIL_RECORD_DAYS", "1 to 3650", record_days);
        let jwks_url = self.jwks_url(faults);
        let warning = jwks_url.as_ref().and_then(|url| plain_http_warning(self.env.app_env, "JWKS_URL", url));
        faults.warn(warning.clone());
        let bindings = self.bindings(faults);
        let cors_origins = self.cors.check(faults);
        let tls = self.tls.check(faults);
        tls.check_files(faults);
        let peers = self.peers.check(self.env.app_env, faults);
        let broker = self.broker.check(faults);
        faults.refuse_examples(
            self.env.app_env,
            &[
                ("MAIL_URL", Some(&self.mail_url)),
                ("EMAIL_APP_PASSWORD", self.app_password.as_ref()),
                ("MAILGUN_API_KEY", self.mailgun_api_key.as_ref()),
                ("EMAIL_DATABASE_URL", Some(&self.database_url)),
                ("AMQP_URI", self.broker.amqp_uri.as_ref()),
            ],
        );
        let callback_queue = Some(&self.callback_queue).filter(|name| !name.is_empty() && name.len() <= 255).ok_or(());
        let callback_queue = faults.check("CALLBACK_QUEUE", "a queue's name", callback_queue);
        Some(Settings {
            bind: bind?,
            cors_origins,
            tls,
            peers,
            mail: mail?,
            from: from?,
            message_id_domain: domain?,
            receivers: receivers?,
            operator: operator?,
            subject_prefix: self.subject.clone(),
            links,
            store: store?,
            record_days: record_days?,
            warning,
            jwks_url: jwks_url?.into(),
            bindings: bindings?,
            callback_queue: callback_queue?.clone(),
            queue: self.queue_name.clone(),
            broker,
        })
    }

    fn domain(&self, faults: &mut Faults) -> Option<String> {
        let domain = &self.message_id_domain;
        let id = format!("<x@{domain}>").parse::<MessageId>();
        faults.check("MESSAGE_ID_DOMAIN", "a domain such as bank.example", id).map(|_| domain.clone())
    }

    fn receivers(&self, faults: &mut Faults) -> Option<Vec<EmailAddress>> {
        let entries = self.receivers.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let receivers: Result<Vec<EmailAddress>, _> = entries.map(str::parse).collect();
        let receivers =
            receivers.map_err(|_| ()).and_then(|all| if all.len() < MAX_RECIPIENTS { Ok(all) } else { Err(()) });
        faults.check("EMAIL_RECEIVERS", "up to 63 addresses separated by commas", receivers)
    }

    fn jwks_url(&self, faults: &mut Faults) -> Option<url::Url> {
        let url = url::Url::parse(&self.jwks_url).ok().filter(|url| matches!(url.scheme(), "http" | "https")).ok_or(());
        faults.check("JWKS_URL", "an http or https URL", url)
    }

    fn bindings(&self, faults: &mut Faults) -> Option<Vec<Pattern>> {
        let patterns = Pattern::parse_list(&self.routing_key);
        let required = catalog::required_bindings(EMAIL_QUEUE);
        let patterns = if patterns.is_empty() { Err(()) } else { Ok(Pattern::with(patterns, required)) };
        faults.check("ROUTING_KEY", "patterns such as *.created,email.requested", patterns)
    }
}

fn in_range(days: u32) -> bool {
    (1..=3650).contains(&days)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        config: Config,
    }

    fn check(args: &[&str]) -> Result<Settings, ConfigError> {
        let all = ["email-service"].into_iter().chain(args.iter().copied());
        Line::try_parse_from(all).unwrap().config.check()
    }

    #[test]
    fn the_defaults_are_valid() {
        let settings = check(&[]).unwrap();
        assert_eq!(settings.bind.to_string(), "127.0.0.1:8001");
        assert_eq!(settings.bindings.len(), 2);
    }

    #[test]
    fn production_refuses_example_secrets() {
        let args = [
            "--app-env=production",
            "--host=mail.example.com",
            "--user=bank",
            "--app-password=change-me",
            "--amqp-uri=amqp://email:change-me@broker",
        ];
        let text = check(&args).unwrap_err().to_string();
        assert!(text.contains("EMAIL_APP_PASSWORD: ") && text.contains("AMQP_URI: "), "{text}");
        assert!(check(&args[1..]).is_ok());
    }

    #[test]
    fn production_warns_of_keys_that_come_from_another_host_in_the_clear() {
        let warning = |app_env: &str, url: &str| check(&[app_env, url]).unwrap().warning;
        let text = warning("--app-env=production", "--jwks-url=http://bank-service:5000/jwks.json").unwrap();
        assert!(text.starts_with("JWKS_URL: plain http"), "{text}");
        for (app_env, url) in [
            ("--app-env=production", "--jwks-url=https://bank.example/jwks.json"),
            ("--app-env=production", "--jwks-url=http://127.0.0.1:5000/jwks.json"),
            ("--app-env=staging", "--jwks-url=http://bank-service:5000/jwks.json"),
        ] {
            assert_eq!(warning(app_env, url), None, "{app_env} {url}");
        }
        let args = ["--app-env=production", "--jwks-url=http://bank-service:5000/jwks.json", "--port=abc"];
        let error = check(&args).unwrap_err();
        assert!(error.warnings().len() == 1 && error.warnings()[0].starts_with("JWKS_URL: plain http"), "{error}");
    }

    #[test]
    fn production_refuses_links_by_plain_http() {
        let with = |app_env: &str, url: &str| check(&[app_env, &format!("--public-url={url}")]);
        let text = with("--app-env=production", "http://bank.example").unwrap_err().to_string();
        assert!(text.contains("PUBLIC_URL: plain http"), "{text}");
        for (app_env, url) in [
            ("--app-env=production", "https://bank.example"),
            ("--app-env=production", "http://127.0.0.1:5000"),
            ("--app-env=development", "http://bank.example"),
        ] {
            assert!(with(app_env, url).is_ok(), "{app_env} {url}");
        }
    }

    #[test]
    fn production_refuses_mailgun_by_plain_http() {
        let args = [
            "--app-env=production",
            "--mail-url=mailgun:",
            "--mailgun-domain=mg.bank.test",
            "--mailgun-api-key=q0TqJXk0q4dVtq2m",
            "--mailgun-base-url=http://mailgun.test",
        ];
        let text = check(&args).unwrap_err().to_string();
        assert!(text.contains("MAILGUN_BASE_URL: plain http"), "{text}");
        assert!(check(&args[1..]).is_ok() && check(&args[..4]).is_ok());
    }

    #[test]
    fn a_setting_of_a_mailer_that_is_not_chosen_has_to_be_valid_too() {
        let args = ["--port=abc", "--smtp-tls=maybe", "--smtp-ca=/nowhere/ca.pem", "--mailgun-base-url=nix://"];
        let text = check(&args).unwrap_err().to_string();
        for variable in ["EMAIL_PORT", "EMAIL_SMTP_TLS", "EMAIL_SMTP_CA", "MAILGUN_BASE_URL"] {
            assert!(text.contains(&format!("\n  {variable}: ")), "{variable} in {text}");
        }
        assert_eq!(text.lines().count(), 5, "{text}");
        let text = check(&["--host=mail.example.com", "--port=abc"]).unwrap_err().to_string();
        assert_eq!(text.matches("EMAIL_PORT").count(), 1, "{text}");
    }

    #[test]
    fn an_address_that_paths_are_appended_to_has_no_query_and_no_fragment() {
        for end in ["/?hunter2", "/app#hunter2"] {
            let args =
                [format!("--public-url=https://b.example{end}"), format!("--mailgun-base-url=https://m.example{end}")];
            let text = check(&args.each_ref().map(String::as_str)).unwrap_err().to_string();
            assert!(text.contains("PUBLIC_URL: ") && text.contains("MAILGUN_BASE_URL: "), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
        let text = check(&["--public-url=https://u:hunter2@b.example"]).unwrap_err().to_string();
        assert!(text.contains("PUBLIC_URL: ") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn every_fault_is_named_and_secrets_are_not_shown() {
        let args = [
            "--bind=x",
            "--mail-url=pigeon://me:hunter2@host",
            "--from=smtp://me:hunter5@host",
            "--operator=me:hunter6@host",
            "--receivers=a@b.c,smtp://me:hunter7@host",
            "--public-url=ftp://me:hunter8@host",
            "--record-days=0",
            "--database-url=mysql://me:hunter4@x",
            "--jwks-url=ftp://me:hunter9@x",
            "--routing-key=,",
            "--message-id-domain=a b",
            "--amqp-uri=http://u:hunter3@h",
            "--tls=yes",
            "--internal-ca=/nowhere/ca.pem",
        ];
        let text = check(&args).unwrap_err().to_string();
        for variable in [
            "EMAIL_BIND",
            "MAIL_URL",
            "EMAIL_FROM",
            "EMAIL_OPERATOR",
            "EMAIL_RECEIVERS",
            "PUBLIC_URL",
            "EMAIL_RECORD_DAYS",
            "EMAIL_DATABASE_URL",
            "JWKS_URL",
            "ROUTING_KEY",
            "MESSAGE_ID_DOMAIN",
            "AMQP_URI",
            "TLS",
            "INTERNAL_CA",
        ] {
            assert!(text.contains(&format!("{variable}: ")), "{variable} in {text}");
        }
        assert!(!text.contains("hunter"), "{text}");
    }
}
