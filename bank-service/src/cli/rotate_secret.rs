//! `rotate-secret`: seals everything under another `SECRET_KEY`, while no service runs.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use service_kit::clock::{Clock, SystemClock};
use service_kit::config::{Faults, Secret};

use super::key_file::KeyFile;
use super::print_line;
use super::state::may_migrate;
use crate::app::open_store;
use crate::config::{KEY_FILE, Settings};
use crate::identity::{ResealError, Resealing, reseal};
use crate::sealing::Vault;
use crate::store::{Ctx, Db, existing};

/// Adds a fault if the key is missing.
pub(super) fn check(old_secret_key: Option<&Secret>, faults: &mut Faults) {
    if old_secret_key.is_none_or(|key| key.expose().is_empty()) {
        faults.add(
            "OLD_SECRET_KEY: not set; expected the key that the database is sealed under, and the new one as SECRET_KEY",
        );
    }
}

pub(super) fn run(settings: &Settings, old_key: &Secret) -> anyhow::Result<ExitCode> {
    let new = Arc::new(Vault::try_new(settings.secret_key.expose()).context("SECRET_KEY")?);
    let old = Arc::new(Vault::try_new(old_key.expose()).context("OLD_SECRET_KEY")?);
    // Check the key before the database is migrated.
    let known = existing::vault_key(&settings.database_url).with_context(|| database(settings))?;
    if known.is_some_and(|known| ![old.fingerprint(), new.fingerprint()].contains(&known.fingerprint)) {
        return Err(ResealError::Another.into());
    }
    let key_file = KeyFile::prepare(&settings.database_url, old_key, &settings.secret_key)
        .with_context(|| format!("{KEY_FILE} beside the database cannot be replaced; nothing was changed"))?;
    let resealing = seal_anew(settings, old, new);
    if let Some(file) = &key_file {
        if resealing.is_ok() {
            file.replace().with_context(|| {
                format!("{}: holds the old key and cannot be replaced; write SECRET_KEY into it", file.path().display())
            })?;
        } else {
            file.discard();
        }
    }
    report(&resealing?)?;
    if let Some(file) = key_file {
        print_line(format_args!("{} holds SECRET_KEY now", file.path().display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn database(settings: &Settings) -> String {
    format!("DATABASE_URL: {}", settings.database_url.redacted())
}

fn seal_anew(settings: &Settings, old: Arc<Vault>, new: Arc<Vault>) -> anyhow::Result<Resealing> {
    let new_is_weak = settings.has_weak_secret_key();
    let store = open_store(&settings.database_url, may_migrate(settings).then_some(&settings.migration_database_url))
        .with_context(|| database(settings))?;
    store.seal_with(new.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = move |db: &mut Db, ctx: &Ctx| reseal(db, ctx, &old, &new, new_is_weak);
    let done = runtime.block_on(async {
        let done = store.write(&store.ctx(SystemClock.now()), work).await;
        store.close().await;
        done
    });
    Ok(done?)
}

fn report(resealing: &Resealing) -> std::io::Result<()> {
    match resealing {
        Resealing::Unneeded => print_line("everything is sealed under SECRET_KEY already"),
        Resealing::Done(done) => {
            print_line(format_args!(
                "sealed anew under SECRET_KEY: {} second factors, {} signing keys, {} push tokens, {} messages",
                done.second_factors, done.signing_keys, done.push_tokens, done.messages
            ))?;
            print_line(
                "codes that were sent are void, and counters of failed logins begin anew; OLD_SECRET_KEY is of no use any more",
            )
        }
    }
}
