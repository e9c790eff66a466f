//! Faults on the way of an event to the log and to the mail server.

use serde_json::json;
use system_tests::money::Pot;

use super::database::change_row;
use super::watch::{Watch, until};
use crate::cases::bank_created::event_of;
use crate::cases::poison::publish;
use crate::fault_env::FaultEnv;
use crate::process::Service;
use crate::servers::Engine;
use crate::sink::Rule;

/// Together more events than may wait.
const BATCHES: u32 = 3;
const TRANSFERS: usize = 500;
/// More mails than may be rejected in half an hour. As a rule all are refused between two scrapes.
const REFUSED_MAILS: usize = 5;

pub(super) async fn broker(env: &FaultEnv<'_>, watch: &mut Watch, alerts: &[&str]) -> anyhow::Result<()> {
    let (from, to) = (Pot::Account(env.ledger.account().await?), Pot::Account(env.ledger.account().await?));
    env.ledger.pay(from, 2_000).await?;
    env.proxy(Engine::Broker)?.down();
    let transfer = json!({ "from": from.side(), "to": to.side(), "amount": 1 });
    let batch = json!({ "atomic": true, "transfers": vec![transfer; TRANSFERS] });
    for number in 0..BATCHES {
        env.ledger.post("/api/transfers/batch", &format!("backlog-{number}"), &batch).await?;
    }
    watch.fire(alerts).await?;
    env.proxy(Engine::Broker)?.up();
    watch.clear(alerts).await
}

/// The store of log-service and email-service, with an event that is to be recorded.
pub(super) async fn log_store(env: &FaultEnv<'_>, watch: &mut Watch, alerts: &[&str]) -> anyhow::Result<()> {
    env.proxy(Engine::LogStore)?.down();
    env.ledger.card().await?;
    watch.fire(alerts).await?;
    env.proxy(Engine::LogStore)?.up();
    watch.clear(alerts).await
}

/// log-service dies, and the entry of an event whose mail was accepted cannot be posted.
pub(super) async fn log_service(env: &mut FaultEnv<'_>, watch: &mut Watch, alerts: &[&str]) -> anyhow::Result<()> {
    env.process(Service::Log)?.kill().await?;
    env.ledger.bank().await?;
    watch.fire(alerts).await?;
    let failed = &["result=\"again\""];
    until("a post to log-service fails", async || {
        anyhow::Ok(env.metric(Service::Bank, "bank_log_posts_total", failed).await? > 0)
    })
    .await?;
    env.launch(Service::Log, None).await?;
    watch.clear(alerts).await
}

/// A message that is no event.
pub(super) async fn bad_message(env: &FaultEnv<'_>, watch: &mut Watch, alerts: &[&str]) -> anyhow::Result<()> {
    publish(&env.broker()?, "card.created", b"{").await?;
    watch.fire(alerts).await
}

pub(super) async fn refused_mails(env: &FaultEnv<'_>, watch: &mut Watch, alerts: &[&str]) -> anyhow::Result<()> {
    env.sink.add_rule(Rule { text: String::new(), answer: "550 no", times: u32::MAX });
    for _ in 0..REFUSED_MAILS {
        env.ledger.bank().await?;
    }
    watch.fire(alerts).await?;
    env.sink.clear_rules();
    Ok(())
}

/// The mail server is down, and one mail waits for it. Its event was published ten minutes ago, as far as bank-service can know:
/// it looks back so far at its start.
pub(super) async fn mail_server(env: &mut FaultEnv<'_>, watch: &mut Watch, alerts: &[&str]) -> anyhow::Result<()> {
    env.smtp.down();
    let bank = env.ledger.bank().await?;
    let id = event_of(env, bank).await?;
    until("the event of a bank is published", async || {
        anyhow::Ok(env.tables.events().await?.get(&id).is_some_and(|event| event.sent))
    })
    .await?;
    env.process(Service::Bank)?.kill().await?;
    let sql = format!("UPDATE outbox SET sent_at = sent_at - INTERVAL 10 MINUTE WHERE event_id = '{id}'");
    change_row(env, &sql).await?;
    env.launch(Service::Bank, None).await?;
    watch.fire(alerts).await?;
    env.smtp.up();
    watch.clear(alerts).await
}
