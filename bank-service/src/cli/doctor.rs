//! `doctor`: checks the configuration and what it points to, one line each; exit code 1 if something is wrong.

use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use service_kit::messaging::amqp::Role;

use super::say;
use crate::config::{Config, Settings};
use crate::store::{DatabaseUrl, migrations};

const REACH_LIMIT: Duration = Duration::from_secs(3);

pub(super) fn run(config: Config) -> anyhow::Result<ExitCode> {
    let settings = config.check()?;
    say("ok    configuration")?;
    let checks = [
        ("DATABASE_URL", database(&settings.database_url)),
        ("BANK_BIND", bind(&settings)),
        ("LOG_SERVICE_URL", log_service(&settings)),
        ("AMQP_URI", broker(&settings)),
    ];
    let mut healthy = true;
    for (name, result) in checks {
        match result {
            Ok(text) => say(format_args!("ok    {name}: {text}"))?,
            Err(text) => {
                healthy = false;
                say(format_args!("FAIL  {name}: {text}"))?;
            }
        }
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn database(url: &DatabaseUrl) -> Result<String, String> {
    if let DatabaseUrl::Sqlite(path) = url
        && !path.exists()
    {
        return Err(format!("{} does not exist yet; run `bank-service db upgrade` to make it", path.display()));
    }
    let status = migrations::status(url).map_err(|error| error.to_string())?;
    let pending = status.iter().filter(|migration| !migration.applied).count();
    if pending == 0 {
        Ok(format!("{} answers, the schema is up to date", url.redacted()))
    } else {
        Err(format!("{pending} migrations are pending; run `bank-service db upgrade`"))
    }
}

fn bind(settings: &Settings) -> Result<String, String> {
    let addr = settings.config.bind;
    match TcpListener::bind(addr) {
        Ok(_) => Ok(format!("{addr} is free")),
        Err(error) => Err(format!("{addr} cannot be listened on: {error}; is the service running already?")),
    }
}

fn log_service(settings: &Settings) -> Result<String, String> {
    let url = settings.log_service_url.join("/livez").map_err(|error| error.to_string())?;
    let ask = async { service_kit::http::client(REACH_LIMIT).get(url.clone()).send().await };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    match runtime.block_on(ask) {
        Ok(response) if response.status().is_success() => Ok(format!("{url} answers")),
        Ok(response) => Err(format!("{url} answers {}; is it log-service?", response.status())),
        Err(error) => Err(format!("{url} cannot be reached: {}; is log-service running?", error.without_url())),
    }
}

fn broker(settings: &Settings) -> Result<String, String> {
    let Some(broker) = &settings.broker else { return Ok("not set; events wait in the outbox".to_owned()) };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let probe = service_kit::messaging::amqp::probe_as(broker, &[Role::Publisher]);
    runtime.block_on(probe).map_err(|error| error.to_string())?;
    Ok(format!("{} answers", broker.endpoint()))
}
