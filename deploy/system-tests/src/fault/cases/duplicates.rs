//! The same events are published a thousand times over; each takes effect once. Before that, undisturbed, the log records
//! the changes of a thing in the order in which they happened.

use std::time::Duration;

use futures_util::future::try_join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use serde_json::Value;
use shared_events::routing::EXCHANGE;
use system_tests::print_line;

use super::{Extent, Outcome};
use crate::cluster::Cluster;
use crate::fault_env::FaultEnv;
use crate::load::Load;

const COPIES: usize = 1_000;

pub(crate) async fn run(cluster: &Cluster, _: Extent) -> anyhow::Result<Outcome> {
    let mut env = FaultEnv::open(cluster, "duplicates", None).await?;
    let load = Load::start(&env.ledger, 2, Duration::from_millis(60));
    tokio::time::sleep(Duration::from_secs(2)).await;
    super::order::rename(&env).await?;
    load.stop().await?;
    env.settle().await?;
    let disorder = super::order::check(&env, &env.snapshot().await?).await?;
    for kind in ["card.created", "account.created", "bank.created", "transfer.posted"] {
        let (id, message) = env.tables.message_of(kind).await?;
        repeat(&env.broker()?, kind, &serde_json::from_str(&message)?, COPIES).await?;
        print_line(&format!("duplicates: {COPIES} copies of {kind} {id}"));
    }
    let mut findings = env.settle().await?;
    for fault in disorder {
        print_line(&format!("duplicates: FAULT {fault}"));
        findings.faults.push(fault);
    }
    super::finish(env, findings).await
}

/// Publishes copies of a message as the relay would, with all its headers.
pub(super) async fn repeat(broker: &str, kind: &str, message: &Value, copies: usize) -> anyhow::Result<()> {
    let connection = Connection::connect(broker, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut headers = FieldTable::default();
    for (name, value) in message["headers"].as_object().into_iter().flatten() {
        headers.insert(name.as_str().into(), AMQPValue::LongString(value.as_str().unwrap_or_default().into()));
    }
    let text = |name: &str| message["properties"][name].as_str().unwrap_or_default();
    let mut properties = BasicProperties::default()
        .with_headers(headers)
        .with_delivery_mode(2)
        .with_message_id(text("message_id").into())
        .with_type(text("type").into());
    if !text("reply_to").is_empty() {
        properties = properties.with_reply_to(text("reply_to").into());
    }
    let body = message["body"].as_str().unwrap_or_default().as_bytes();
    let mut confirms = Vec::with_capacity(copies);
    for _ in 0..copies {
        let published = channel.basic_publish(
            EXCHANGE.into(),
            kind.into(),
            BasicPublishOptions::default(),
            body,
            properties.clone(),
        );
        confirms.push(published.await?);
    }
    try_join_all(confirms).await?;
    connection.close(200, "OK".into()).await?;
    Ok(())
}
