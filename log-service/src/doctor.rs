//! `log-service doctor`: checks that the service's dependencies are there. One line for each, then an exit code.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use log_service::config::Settings;
use service_kit::config::ConfigError;
use service_kit::http::auth::{JWKS_VARIABLE, Jwks};
use service_kit::http::{PeerClient, causes};
use service_kit::messaging::amqp;

const TIME_LIMIT: Duration = Duration::from_secs(5);

pub(crate) async fn run(settings: Result<Settings, ConfigError>) -> ExitCode {
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => {
            // An unread variable may be a misspelled one that is missing.
            for warning in service_kit::config::warnings().iter().chain(error.warnings()) {
                writeln!(std::io::stdout(), "WARN   {warning}").ok();
            }
            for line in error.lines() {
                report("configuration", Err(line.clone()));
            }
            return ExitCode::FAILURE;
        }
    };
    let mut warnings = service_kit::config::warnings().iter().chain(&settings.warning);
    let written = warnings.all(|warning| writeln!(std::io::stdout(), "WARN   {warning}").is_ok());
    let sound = [
        written,
        report("configuration", Ok("valid".to_owned())),
        report(settings.store.variable(), check_store(&settings).await),
        report("AMQP_URI", check_broker(&settings).await),
        report("JWKS_URL", check_keys(&settings).await),
        report("LOG_BIND", service_kit::http::healthcheck::address(settings.bind, &settings.tls).await),
    ];
    if sound.iter().all(|sound| *sound) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn check_store(settings: &Settings) -> Result<String, String> {
    if settings.store.file().is_some_and(|file| !file.exists()) {
        return Ok("there is no database yet; the service makes it when it starts".to_owned());
    }
    let store = log_service::store::connect(&settings.store, settings.retention).await;
    let store = store.map_err(|error| causes(&error))?;
    let probed = store.probe().await;
    store.close().await;
    probed.map_err(|error| error.to_string())?;
    Ok("opened, migrated and written to".to_owned())
}

async fn check_broker(settings: &Settings) -> Result<String, String> {
    let Some(broker) = &settings.broker else { return Ok("not set; events come in by POST /api/logs only".to_owned()) };
    amqp::probe(broker).await.map_err(|error| error.to_string())?;
    Ok(format!("{} answers", broker.endpoint()))
}

async fn check_keys(settings: &Settings) -> Result<String, String> {
    let client = PeerClient::new(JWKS_VARIABLE, &settings.peers, TIME_LIMIT);
    let url = settings.jwks_url.parse().map_err(|_| "not an address".to_owned())?;
    let (answer, warning) = client
        .probe(&url)
        .await
        .map_err(|error| format!("{}; is bank-service running?", causes(&error.without_url())))?;
    if let Some(warning) = warning {
        writeln!(std::io::stdout(), "WARN   {warning}").map_err(|error| error.to_string())?;
    }
    let answer = answer.error_for_status().map_err(|error| error.without_url().to_string())?;
    let keys: Jwks = answer.json().await.map_err(|_| "the answer is not a key set".to_owned())?;
    if keys.keys.is_empty() { Err("the key set is empty".to_owned()) } else { Ok(format!("{} keys", keys.keys.len())) }
}

/// Prints a line; a closed standard output counts as a fault.
fn report(what: &str, result: Result<String, String>) -> bool {
    let (mark, text, sound) = match result {
        Ok(text) => ("ok    ", text, true),
        Err(text) => ("FAILED", text, false),
    };
    writeln!(std::io::stdout(), "{mark} {what}: {text}").is_ok() && sound
}
