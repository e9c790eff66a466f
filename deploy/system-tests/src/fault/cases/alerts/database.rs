//! Faults of the database, and what others do in it.

use std::num::NonZeroUsize;

use anyhow::{Context, bail};
use serde_json::json;
use system_tests::money::Pot;

use super::requests::{guess_passwords, post, verify};
use super::watch::Watch;
use crate::fault_env::FaultEnv;
use crate::servers::Engine;

/// Logins that wait for a slot while the others hold all of them.
const WAITING_LOGINS: usize = 60;
const SLOTS_PER_CORE: usize = 2;
const LOGINS_AT_ONCE: usize = 32;

/// Changes one row, as an operator or a fault of a service would.
pub(super) async fn change_row(env: &FaultEnv<'_>, sql: &str) -> anyhow::Result<()> {
    match env.tables.change(sql).await? {
        1 => Ok(()),
        rows => bail!("{rows} rows, not one: {sql}"),
    }
}

/// Another process holds the lease of the relay, and publishes nothing.
pub(super) async fn no_lead(env: &FaultEnv<'_>, watch: &mut Watch, alerts: &[&str]) -> anyhow::Result<()> {
    let sql = "UPDATE leases SET holder = 'elsewhere', expires_at = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR \
               WHERE name = 'outbox-relay'";
    change_row(env, sql).await?;
    watch.fire(alerts).await?;
    change_row(env, "UPDATE leases SET expires_at = UTC_TIMESTAMP(6) WHERE name = 'outbox-relay'").await?;
    watch.clear(alerts).await
}

/// An event is marked as sent, and no queue has it: a broker that confirms a message and loses it.
pub(super) async fn lost_event(env: &FaultEnv<'_>, watch: &mut Watch, alerts: &[&str]) -> anyhow::Result<()> {
    env.proxy(Engine::Broker)?.down();
    env.ledger.city().await?;
    let events = env.tables.events().await?;
    let waiting = events.iter().find(|(_, event)| event.kind == "city.created" && !event.sent);
    let (id, _) = waiting.context("the event was published while there was no broker")?;
    let of_event = format!("WHERE event_id = '{id}'");
    change_row(env, &format!("UPDATE outbox SET sent_at = UTC_TIMESTAMP(6), due_at = NULL {of_event}")).await?;
    env.proxy(Engine::Broker)?.up();
    watch.fire(alerts).await?;
    change_row(env, &format!("UPDATE outbox SET sent_at = NULL, due_at = UTC_TIMESTAMP(6) {of_event}")).await?;
    watch.clear(alerts).await
}

/// No row fits into one table; each request for one fails.
pub(super) async fn full_disk(env: &FaultEnv<'_>, watch: &mut Watch, alerts: &[&str]) -> anyhow::Result<()> {
    let sql = "CREATE TRIGGER full_disk BEFORE INSERT ON cities FOR EACH ROW SIGNAL SQLSTATE 'HY000' \
               SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table is full'";
    env.tables.change(sql).await?;
    let city = json!({ "name": "City without a row" });
    watch.fire_by(alerts, async || post(env, "/api/cities", &city).await.map(drop)).await?;
    env.tables.change("DROP TRIGGER full_disk").await?;
    Ok(())
}

/// Logins hold all slots of password hashing while they wait for a table, and the others wait in vain for a slot.
pub(super) async fn locked_table(env: &FaultEnv<'_>, watch: &mut Watch, alerts: &[&str]) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let lock = env.tables.lock("users").await?;
    let watching = async {
        // Again and again, until they are more than one of twenty requests of the alert's window.
        let waiting = async || {
            guess_passwords(env, WAITING_LOGINS).await;
            anyhow::Ok(())
        };
        watch.fire_by(alerts, waiting).await?;
        lock.release().await
    };
    let (watched, ()) = tokio::join!(watching, guess_passwords(env, cores * SLOTS_PER_CORE));
    watched
}

/// A stranger tries passwords.
pub(super) async fn guessed_passwords(env: &FaultEnv<'_>, watch: &mut Watch, alerts: &[&str]) -> anyhow::Result<()> {
    watch
        .fire_by(alerts, async || {
            guess_passwords(env, LOGINS_AT_ONCE).await;
            anyhow::Ok(())
        })
        .await
}

/// A history that was changed by hand.
pub(super) async fn changed_entry(env: &FaultEnv<'_>, watch: &mut Watch, alerts: &[&str]) -> anyhow::Result<()> {
    let ledger_account = Pot::Account(env.ledger.account().await?).ledger_account();
    let entry = format!("WHERE ledger_id = {ledger_account} AND seq = 1");
    change_row(env, &format!("UPDATE ledger_entries SET amount = amount + 1 {entry}")).await?;
    watch.fire_by(alerts, async || verify(env).await).await?;
    change_row(env, &format!("UPDATE ledger_entries SET amount = amount - 1 {entry}")).await?;
    watch.clear_by(alerts, async || verify(env).await).await
}
