//! `log-service doctor`: checks that the service's dependencies are there. One line for each, then an exit code.

use std::process::ExitCode;

use log_service::config::Settings;
use service_kit::doctor::{self, Checked, Doctor};
use service_kit::http::causes;
use service_kit::http::healthcheck::address;
use service_kit::messaging::ConsumerSettings;
use service_kit::messaging::amqp::Role;

pub(super) async fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let mut doctor = Doctor::begin(settings.warning.clone())?;
    doctor.report(settings.store.variable(), check_store(settings).await)?;
    let queue = ConsumerSettings::new(&settings.queue, settings.bindings.clone());
    let (roles, without) = ([Role::ConsumerRights(&queue)], "events come in by POST /api/logs only");
    doctor.report("AMQP_URI", doctor::broker(settings.broker.as_ref(), &roles, without).await)?;
    doctor.report("JWKS_URL", doctor::keys(&settings.jwks_url, &settings.peers).await)?;
    doctor.report("LOG_BIND", address(env!("CARGO_PKG_NAME"), settings.bind, &settings.tls).await)?;
    Ok(doctor.finish())
}

async fn check_store(settings: &Settings) -> Checked {
    if settings.store.file().is_some_and(|file| !file.exists()) {
        return doctor::not_made_yet("database");
    }
    let store = log_service::store::connect(&settings.store, settings.retention).await;
    let store = store.map_err(|error| causes(&error))?;
    let probed = store.probe().await;
    store.close().await;
    probed.map_err(|error| error.to_string())?;
    Ok("opened, migrated and written to".to_owned())
}
