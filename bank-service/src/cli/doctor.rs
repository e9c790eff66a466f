//! `doctor`: checks the configuration and everything it points to, one line each; exit code 1 if a check fails.

use std::iter;
use std::process::ExitCode;

use service_kit::config::Faults;
use service_kit::doctor::{self, Checked, Doctor};
use service_kit::http::causes;
use service_kit::http::healthcheck::address;
use service_kit::messaging::amqp::Role;
use tokio::runtime::Builder;

use super::ledger::unbalanced;
use crate::config::Settings;
use crate::consumers::consumed_queues;
use crate::identity::secret_key_fits;
use crate::store::ledger::totals;
use crate::store::{DatabaseUrl, existing, grants, migrations};

pub(super) fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let unfit = settings.weak_secret_key().is_some();
    // An unfit key fails its own check below.
    let mut doctor = Doctor::begin(settings.warnings().into_iter().skip(usize::from(unfit)))?;
    let database = database(&settings.database_url);
    let database_is_sound = database.is_ok();
    doctor.report("DATABASE_URL", database)?;
    doctor.report("BANK_BIND", runtime.block_on(bind(settings)))?;
    doctor.report("SECRET_KEY", secret_key(settings, database_is_sound))?;
    let peer = |name, variable, url| runtime.block_on(doctor::service(name, variable, url, &settings.peers));
    doctor.report("LOG_SERVICE_URL", peer("log-service", "LOG_SERVICE_URL", &settings.log_service_url))?;
    if let Some(url) = &settings.email_service_url {
        doctor.report("EMAIL_SERVICE_URL", peer("email-service", "EMAIL_SERVICE_URL", url))?;
    }
    let queues = consumed_queues(&settings.config.callback_queue);
    let roles: Vec<Role<'_>> = iter::once(Role::Publisher).chain(queues.iter().map(Role::ConsumerRights)).collect();
    let broker = doctor::broker(settings.broker.as_ref(), &roles, "events wait in the outbox");
    doctor.report("AMQP_URI", runtime.block_on(broker))?;
    if database_is_sound {
        doctor.report("ledger", ledger(&settings.database_url))?;
    }
    Ok(doctor.finish())
}

fn database(url: &DatabaseUrl) -> Checked {
    migrations::refuse_outdated(url).map_err(|error| causes(&error))?;
    addresses(url)?;
    Ok(format!("{} answers, the schema is up to date", url.redacted()))
}

/// Checks that debits and credits are equal, which costs little, and that nobody who serves can change what was posted.
fn ledger(url: &DatabaseUrl) -> Checked {
    let mut db = existing::open(url).map_err(|error| causes(&error))?;
    let totals = totals(&mut db).map_err(|error| causes(&error))?;
    let differing = unbalanced(&totals);
    if !differing.is_empty() {
        let currencies = differing.join(", ");
        return Err(format!("debits and credits differ in {currencies}; run `bank-service ledger verify`"));
    }
    if grants::may_change_history(&mut db).map_err(|error| causes(&error))? {
        let warning = "DATABASE_URL: its user can change what was posted; `bank-service db grants` prints rights that are enough to serve";
        doctor::warn(warning).map_err(|error| error.to_string())?;
    }
    Ok("debits and credits are equal in each currency".to_owned())
}

/// Checks that the key is strong enough, and that the database is sealed under it. A database that failed its check is not asked.
fn secret_key(settings: &Settings, database_is_sound: bool) -> Checked {
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

async fn bind(settings: &Settings) -> Checked {
    let mut faults = Faults::new();
    let tls = settings.config.tls.check(&mut faults);
    faults.finish().map_err(|error| error.to_string())?;
    address(env!("CARGO_PKG_NAME"), settings.config.bind, &tls).await
}
