//! `doctor`: checks the configuration and everything it points to, one line each; exit code 1 if a check fails.

use std::process::ExitCode;
use std::time::Duration;

use service_kit::config::{ConfigError, Faults};
use service_kit::http::{PeerClient, causes};
use service_kit::messaging::amqp::Role;
use tokio::runtime::{Builder, Runtime};
use url::Url;

use super::ledger::unbalanced;
use super::print_line;
use crate::config::Settings;
use crate::identity::secret_key_fits;
use crate::store::ledger::totals;
use crate::store::{DatabaseUrl, existing, grants, migrations};

const REACH_LIMIT: Duration = Duration::from_secs(3);

/// The report on an invalid configuration: nothing that it points to can be checked.
pub(super) fn refused(error: &ConfigError) -> anyhow::Result<ExitCode> {
    // An unknown variable may be the misspelt name of a missing one.
    for warning in service_kit::config::warnings().iter().chain(error.warnings()) {
        print_line(format_args!("WARN  {warning}"))?;
    }
    for line in error.lines() {
        print_line(format_args!("FAIL  configuration: {line}"))?;
    }
    Ok(ExitCode::FAILURE)
}

pub(super) fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    print_line("ok    configuration")?;
    let unfit = settings.weak_secret_key().is_some();
    // An unfit key fails its own check below.
    let own = settings.warnings().into_iter().skip(usize::from(unfit));
    for warning in service_kit::config::warnings().iter().cloned().chain(own) {
        print_line(format_args!("WARN  {warning}"))?;
    }
    let database = database(&settings.database_url);
    let ledger = database.is_ok().then(|| ("ledger", ledger(&settings.database_url)));
    let secret_key = secret_key(settings, database.is_ok());
    let checks = [
        ("DATABASE_URL", database),
        ("BANK_BIND", bind(settings)),
        ("SECRET_KEY", secret_key),
        ("LOG_SERVICE_URL", peer(settings, "LOG_SERVICE_URL", &settings.log_service_url)),
        ("AMQP_URI", broker(settings)),
    ];
    let email_service = settings.email_service_url.as_ref();
    let email_service = email_service.map(|url| ("EMAIL_SERVICE_URL", peer(settings, "EMAIL_SERVICE_URL", url)));
    let mut healthy = true;
    for (name, result) in checks.into_iter().chain(email_service).chain(ledger) {
        match result {
            Ok(text) => print_line(format_args!("ok    {name}: {text}"))?,
            Err(text) => {
                healthy = false;
                print_line(format_args!("FAIL  {name}: {text}"))?;
            }
        }
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn database(url: &DatabaseUrl) -> Result<String, String> {
    migrations::refuse_outdated(url).map_err(|error| causes(&error))?;
    addresses(url)?;
    Ok(format!("{} answers, the schema is up to date", url.redacted()))
}

/// Checks that debits and credits are equal, which costs little, and that nobody who serves can change what was posted.
fn ledger(url: &DatabaseUrl) -> Result<String, String> {
    let mut db = existing::open(url).map_err(|error| causes(&error))?;
    let totals = totals(&mut db).map_err(|error| causes(&error))?;
    let differing = unbalanced(&totals);
    if !differing.is_empty() {
        let currencies = differing.join(", ");
        return Err(format!("debits and credits differ in {currencies}; run `bank-service ledger verify`"));
    }
    if grants::may_change_history(&mut db).map_err(|error| causes(&error))? {
        let warning = "DATABASE_URL: its user can change what was posted; `bank-service db grants` prints rights that are enough to serve";
        print_line(format_args!("WARN  {warning}")).map_err(|error| error.to_string())?;
    }
    Ok("debits and credits are equal in each currency".to_owned())
}

/// Checks that the key is strong enough, and that the database is sealed under it. A database that failed its check is not asked.
fn secret_key(settings: &Settings, database_is_sound: bool) -> Result<String, String> {
    if let Some(reason) = settings.weak_secret_key() {
        return Err(reason.to_owned());
    }
    if !database_is_sound {
        return Ok("fit for its use".to_owned());
    }
    let fits = secret_key_fits(settings).map_err(|error| error.to_string());
    fits.map_err(|reason| reason.trim_start_matches("SECRET_KEY: ").to_owned())?;
    Ok("fit for its use, and for the database".to_owned())
}

/// Reports users whose address, accepted by an earlier release, cannot be mailed.
fn addresses(url: &DatabaseUrl) -> Result<(), String> {
    let troubled = migrations::troubled_addresses(url).map_err(|error| error.to_string())?;
    if troubled.total == 0 {
        return Ok(());
    }
    Err(format!(
        "{} users have addresses that cannot be mailed or found; give them others with PUT /api/users/{{id}}: {:?}",
        troubled.total, troubled.ids
    ))
}

fn bind(settings: &Settings) -> Result<String, String> {
    let mut faults = Faults::new();
    let tls = settings.config.tls.check(&mut faults);
    faults.finish().map_err(|error| error.to_string())?;
    runtime()?.block_on(service_kit::http::healthcheck::address(settings.config.bind, &tls))
}

fn runtime() -> Result<Runtime, String> {
    Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())
}

fn peer(settings: &Settings, variable: &'static str, base: &Url) -> Result<String, String> {
    let url = base.join("/livez").map_err(|error| error.to_string())?;
    let client = PeerClient::new(variable, &settings.peers, REACH_LIMIT);
    match runtime()?.block_on(client.probe(&url)) {
        Ok((answer, warning)) if answer.status().is_success() => {
            if let Some(warning) = warning {
                print_line(format_args!("WARN  {warning}")).map_err(|error| error.to_string())?;
            }
            Ok(format!("{} answers", shown(answer.url())))
        }
        Ok((answer, _)) => {
            Err(format!("{} answers {}; is it the service that is meant?", shown(&url), answer.status()))
        }
        Err(error) => {
            let causes = causes(&error.without_url());
            Err(format!("{} cannot be reached: {causes}; is that service running?", shown(&url)))
        }
    }
}

/// The address without a login that stands in it.
fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

fn broker(settings: &Settings) -> Result<String, String> {
    let Some(broker) = &settings.broker else { return Ok("not set; events wait in the outbox".to_owned()) };
    let probe = service_kit::messaging::amqp::probe_as(broker, &[Role::Publisher]);
    runtime()?.block_on(probe).map_err(|error| error.to_string())?;
    Ok(format!("{} answers", broker.endpoint()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_login() {
        let url = Url::parse("https://user:s3cret@log.example:8000/livez?key=s3cret").unwrap();
        assert_eq!(shown(&url), "https://log.example:8000/livez");
    }
}
