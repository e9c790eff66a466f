//! `email-service doctor`: checks what the service needs. One line for each, then an exit code.

use std::process::ExitCode;

use email_service::config::Settings;
use email_service::mailer::MailTarget;
use email_service::templates::Templates;
use service_kit::doctor::{self, Checked, Doctor};
use service_kit::http::causes;
use service_kit::http::healthcheck::address;
use service_kit::messaging::ConsumerSettings;
use service_kit::messaging::amqp::Role;

pub(super) async fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let mut doctor = Doctor::begin(settings.warning.clone())?;
    let templates = Templates::new(&settings.subject_prefix);
    doctor.report("templates", templates.map(|_| "valid".to_owned()).map_err(|error| error.to_string()))?;
    doctor.report("mailer", check_mailer(settings).await)?;
    doctor.report("EMAIL_DATABASE_URL", check_store(settings).await)?;
    let queue = ConsumerSettings::new(&settings.queue, settings.bindings.clone());
    let roles = [Role::ConsumerRights(&queue)];
    doctor.report("AMQP_URI", doctor::broker(settings.broker.as_ref(), &roles, "no events are consumed").await)?;
    doctor.report("JWKS_URL", doctor::keys(&settings.jwks_url, &settings.peers).await)?;
    doctor.report("EMAIL_BIND", address(env!("CARGO_PKG_NAME"), settings.bind, &settings.tls).await)?;
    Ok(doctor.finish())
}

/// An error names the variable, which differs between the mailers.
async fn check_mailer(settings: &Settings) -> Checked {
    if let MailTarget::Mailbox(folder) = &settings.mail
        && !folder.exists()
    {
        return doctor::not_made_yet("mailbox folder");
    }
    let mailer = settings.mail.open().await.map_err(|error| causes(&error))?;
    mailer.probe().await?;
    Ok("accepts mail".to_owned())
}

async fn check_store(settings: &Settings) -> Checked {
    if settings.store.file().is_some_and(|file| !file.exists()) {
        return doctor::not_made_yet("database");
    }
    let store = settings.store.open().await.map_err(|error| causes(&error))?;
    let probed = store.probe().await;
    store.close().await;
    probed?;
    Ok("opened, migrated and written to".to_owned())
}
