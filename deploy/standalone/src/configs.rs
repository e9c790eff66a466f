//! The configurations of the three services, made from the options; all checked before the data folder is made.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use bank_service::config::{PushOptions, SmsOptions};
use log_service::LogServiceConfig;
use service_kit::config::{ConfigError, Faults, Secret, check_folder};
use service_kit::http::server::check_address;

use crate::options::Options;
use crate::secrets;

pub(crate) const BANK_FILE: &str = "bank.sqlite";
pub(crate) const LOG_FILE: &str = "logs.sqlite";
pub(crate) const EMAIL_FILE: &str = "email.sqlite";

/// Finds every fault of the options, of all services, after those of single values. Writes nothing.
pub(crate) fn check(options: &Options, mut faults: Faults) -> Result<(), ConfigError> {
    options.log_settings().check(&mut faults);
    let mut options = options.clone();
    if !check_folder("DATA_DIR", &options.data_dir, &mut faults) {
        // A fault of the folder is no fault of the files in it.
        options.data_dir = PathBuf::new();
    }
    check_addresses(&options, &mut faults);
    // The first start has not generated the key yet; any generated one passes.
    let key = options.secret_key.clone().unwrap_or_else(secrets::new_key);
    bank(&options, key).settings(&mut faults);
    for of_service in [log_faults(&options), email_faults(&options)] {
        faults.merge(of_service);
    }
    faults.finish()
}

fn log_faults(options: &Options) -> Faults {
    let mut faults = Faults::new();
    log(options).settings(&mut faults);
    faults
}

fn email_faults(options: &Options) -> Faults {
    let mut faults = Faults::new();
    email(options).settings(&mut faults);
    faults
}

fn check_addresses(options: &Options, faults: &mut Faults) {
    let mut before: Vec<(&str, SocketAddr)> = Vec::new();
    for (variable, bind) in addresses(options) {
        check_address(variable, bind, faults);
        if let Some((other, _)) = before.iter().find(|(_, taken)| *taken == bind && bind.port() != 0) {
            faults.add(format!("{variable}: the same as {other}; expected an address and port of its own"));
        }
        before.push((variable, bind));
    }
}

/// The bind addresses of the services.
pub(crate) fn addresses(options: &Options) -> [(&'static str, SocketAddr); 3] {
    [("BANK_BIND", options.bank_bind), ("LOG_BIND", options.log_bind), ("EMAIL_BIND", options.email_bind)]
}

pub(crate) fn bank(options: &Options, secret_key: Secret) -> bank_service::config::Config {
    let data = &options.data_dir;
    bank_service::config::Config {
        bind: options.bank_bind,
        database_url: sqlite(data, BANK_FILE),
        secret_key: Some(secret_key),
        public_url: public_url(options),
        default_role: options.default_role.clone(),
        admin_email: Some(options.admin_email.clone()),
        admin_pass: options.admin_pass.clone(),
        rate_login_per_minute: options.rate_login_per_minute,
        rate_register_per_hour: options.rate_register_per_hour,
        rate_forgot_per_hour: options.rate_forgot_per_hour,
        mail_alarm_hourly: options.mail_alarm_hourly,
        sms: SmsOptions {
            sms_folder: options.sms.sms_folder.clone().or_else(|| Some(data.join("phone"))),
            ..options.sms.clone()
        },
        push: PushOptions {
            push_folder: options.push.push_folder.clone().or_else(|| Some(data.join("push"))),
            ..options.push.clone()
        },
        cors: options.cors.clone(),
        social: options.social.clone(),
        ..bank_service::config::Config::default()
    }
}

pub(crate) fn log(options: &Options) -> LogServiceConfig {
    let file = sqlite(&options.data_dir, LOG_FILE);
    let mut config = LogServiceConfig::new(&options.log_bind.to_string(), file.expose());
    config.cors = options.cors.clone();
    config
}

pub(crate) fn email(options: &Options) -> email_service::Args {
    let mailbox = || Secret::new(format!("mailbox:{}", options.data_dir.join("mailbox").display()));
    let by_default = email_service::Args::default();
    email_service::Args {
        bind: options.email_bind.to_string(),
        mail_url: options.mail_url.clone().unwrap_or_else(mailbox),
        from: options.mail_from.clone().unwrap_or_else(|| by_default.from.clone()),
        public_url: Some(public_url(options)),
        database_url: sqlite(&options.data_dir, EMAIL_FILE),
        cors: options.cors.clone(),
        ..by_default
    }
}

fn sqlite(data: &Path, file: &str) -> Secret {
    Secret::new(format!("sqlite:{}", data.join(file).display()))
}

fn public_url(options: &Options) -> String {
    options.public_url.clone().unwrap_or_else(|| format!("http://{}", options.bank_bind))
}
