//! The configurations of the three services, made from the options; all checked before the data folder is made.

use std::net::SocketAddr;
use std::path::Path;

use bank_service::config::{KEY_FILE, PushOptions, SmsOptions};
use service_kit::config::{ConfigError, Faults, Secret, check_file, check_folder};
use service_kit::http::server::check_address;
use service_kit::sqlite::refuse_database_file;

use crate::options::Options;
use crate::{folder, secrets};

const BANK_FILE: &str = "bank.sqlite";
const LOG_FILE: &str = "logs.sqlite";
const EMAIL_FILE: &str = "email.sqlite";

/// Finds every fault of the options, of all services, after those of single values. Writes nothing.
pub(crate) fn check(options: &Options, mut faults: Faults) -> Result<(), ConfigError> {
    refuse_data_files(options, &mut faults);
    options.log_settings().check(&mut faults);
    let mut options = options.clone();
    if !check_data(&options.data_dir, &mut faults) {
        // A fault of the folder or its files is none of the settings that are made of them.
        options.data_dir = std::env::temp_dir();
    }
    check_key(&options, &mut faults);
    check_addresses(&options, &mut faults);
    // The first start has not generated the key yet; any generated one passes.
    let key = options.secret_key.clone().unwrap_or_else(secrets::new_key);
    bank(&options, key).settings(&mut faults);
    for of_service in [log_faults(&options), email_faults(&options)] {
        faults.merge(of_service);
    }
    faults.finish()
}

/// Refuses a file of the data folder as the log file or another one to write. Comes before the other checks of these settings.
fn refuse_data_files(options: &Options, faults: &mut Faults) {
    let email = email(options);
    let written = [
        ("LOG_FILE", options.log_file.as_deref()),
        ("MAIL_URL", email.mailbox()),
        ("SMS_FOLDER", options.sms.sms_folder.as_deref()),
        ("PUSH_FOLDER", options.push.push_folder.as_deref()),
    ];
    for file in [BANK_FILE, LOG_FILE, EMAIL_FILE, KEY_FILE, folder::LOCK] {
        refuse_database_file(("DATA_DIR", options.data_dir.join(file).as_path()), &written, faults);
    }
}

/// Whether the folder can be made and written to, and its files are databases.
fn check_data(folder: &Path, faults: &mut Faults) -> bool {
    if !check_folder("DATA_DIR", folder, faults) {
        return false;
    }
    if folder::is_in_use(folder) {
        faults.add("DATA_DIR: in use by another bank-standalone; stop it or choose another folder");
    }
    let check = |file: &str| check_file(&format!("DATA_DIR: {file}"), &folder.join(file), faults);
    [BANK_FILE, LOG_FILE, EMAIL_FILE].map(check).iter().all(|is_sound| *is_sound)
}

/// The key that a database is sealed under is not made a second time: a new one would open nothing.
fn check_key(options: &Options, faults: &mut Faults) {
    let is_kept = || !matches!(secrets::kept_key(&options.data_dir.join(KEY_FILE)), Ok(None));
    let is_new = || options.data_dir.join(BANK_FILE).metadata().map_or(true, |file| file.len() == 0);
    if options.secret_key.is_none() && !is_kept() && !is_new() {
        faults.add(format!(
            "DATA_DIR: {KEY_FILE}: missing or empty, and {BANK_FILE} is sealed under the key in it; expected that file, or its key \
             as SECRET_KEY"
        ));
    }
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
        match before.iter().find(|(_, taken)| overlap(*taken, bind)) {
            Some((other, _)) => faults.add(format!("{variable}: taken by {other}; expected a port of its own")),
            None => check_address(variable, bind, faults),
        }
        before.push((variable, bind));
    }
}

/// Whether both cannot be listened on: `0.0.0.0` is every address of the machine, and `[::]` also those of IPv4.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let covers = |all: SocketAddr, one: SocketAddr| all.ip().is_unspecified() && (all.is_ipv6() || one.is_ipv4());
    one.port() != 0
        && one.port() == other.port()
        && (one.ip() == other.ip() || covers(one, other) || covers(other, one))
}

/// The bind addresses of the services.
fn addresses(options: &Options) -> [(&'static str, SocketAddr); 3] {
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
        money: options.money.clone(),
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

pub(crate) fn log(options: &Options) -> log_service::config::Config {
    let file = sqlite(&options.data_dir, LOG_FILE);
    let mut config = log_service::config::Config::new(&options.log_bind.to_string(), file.expose());
    config.cors = options.cors.clone();
    config
}

pub(crate) fn email(options: &Options) -> email_service::config::Config {
    let mailbox = || Secret::new(format!("mailbox:{}", options.data_dir.join("mailbox").display()));
    let by_default = email_service::config::Config::default();
    email_service::config::Config {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_addresses_overlap_if_one_port_is_meant_twice() {
        let meet = |one: &str, other: &str| overlap(one.parse().unwrap(), other.parse().unwrap());
        for other in ["127.0.0.1:5000", "0.0.0.0:5000", "[::]:5000"] {
            assert!(meet("127.0.0.1:5000", other) && meet(other, "127.0.0.1:5000"), "{other}");
        }
        for other in ["127.0.0.1:5001", "127.0.0.2:5000", "[::1]:5000"] {
            assert!(!meet("127.0.0.1:5000", other), "{other}");
        }
        assert!(!meet("0.0.0.0:5000", "[::1]:5000"));
        assert!(!meet("127.0.0.1:0", "127.0.0.1:0"), "the system chooses two ports");
    }
}
