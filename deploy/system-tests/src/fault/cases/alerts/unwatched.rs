//! Faults that the dashboard shows and no alert is for.

use anyhow::Context;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use reqwest::StatusCode;
use serde_json::{Value, json};
use shared_events::routing::{EXCHANGE, LOG_QUEUE};
use system_tests::money::Pot;

use super::requests::expect;
use super::watch::until;
use crate::cases::duplicates::repeat;
use crate::fault_env::FaultEnv;
use crate::ledger::ADMIN;

/// The highest number of mails to strangers that is expected in an hour, with [`STRANGERS`] above it.
pub(super) const MAIL_ALARM_HOURLY: &str = "1";
const STRANGERS: usize = 3;
/// Not easy to guess.
const NEW_PASSWORD: &str = "another horse, another staple";
/// More than any account has.
const TOO_MUCH: i64 = 1_000_000_000;
/// An event that one queue takes.
const LOGGED_ONLY: &str = "bank.updated";

pub(super) async fn cause(env: &FaultEnv<'_>) -> anyhow::Result<()> {
    strangers(env).await?;
    refused_transfer(env).await?;
    other_content(env).await?;
    unrouted(env).await
}

/// Registrations, and a guess at a code.
async fn strangers(env: &FaultEnv<'_>) -> anyhow::Result<()> {
    for number in 0..STRANGERS {
        let user = json!({ "email": format!("newcomer-{number}@example.com"), "password": NEW_PASSWORD });
        expect(StatusCode::CREATED, env, "/auth/register", &user).await?;
    }
    let reset = json!({ "email": ADMIN, "verification_code": "7K3M-9QXT", "password": NEW_PASSWORD });
    expect(StatusCode::UNAUTHORIZED, env, "/auth/password/reset", &reset).await
}

async fn refused_transfer(env: &FaultEnv<'_>) -> anyhow::Result<()> {
    let (from, to) = (Pot::Account(env.ledger.account().await?), Pot::Account(env.ledger.account().await?));
    let transfer = json!({ "from": from.side(), "to": to.side(), "amount": TOO_MUCH });
    expect(StatusCode::UNPROCESSABLE_ENTITY, env, "/api/transfers", &transfer).await
}

/// An event comes again with another text.
async fn other_content(env: &FaultEnv<'_>) -> anyhow::Result<()> {
    let kind = "card.created";
    let (_, message) = env.tables.message_of(kind).await?;
    let mut message: Value = serde_json::from_str(&message)?;
    let mut body: Value = serde_json::from_str(message["body"].as_str().context("a message without a body")?)?;
    body["message"] = json!("Another text");
    message["body"] = json!(body.to_string());
    repeat(&env.broker()?, kind, &message, 1).await
}

/// No queue is bound to a type. Its event is due a minute later, as far as the outbox can know.
async fn unrouted(env: &FaultEnv<'_>) -> anyhow::Result<()> {
    let bank = env.ledger.bank().await?;
    let connection = Connection::connect(&env.broker()?, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.queue_unbind(LOG_QUEUE.into(), EXCHANGE.into(), LOGGED_ONLY.into(), FieldTable::default()).await?;
    connection.close(200, "OK".into()).await?;
    env.ledger.rename(bank).await?;
    let sql = format!(
        "UPDATE outbox SET returned_at = returned_at - INTERVAL 1 MINUTE, due_at = UTC_TIMESTAMP(6) \
         WHERE event_type = '{LOGGED_ONLY}' AND sent_at IS NULL AND returned_at IS NOT NULL"
    );
    until("an event that no queue takes is returned", async || anyhow::Ok(env.tables.change(&sql).await? == 1)).await
}
