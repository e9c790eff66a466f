//! Confirmed publishes by bare lapin, and messages for queues that a service drains.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use futures_util::future::BoxFuture;
use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind};
use serde_json::json;

use super::example_body;
use crate::per_second;

const IN_FLIGHT: usize = 256;
const EXCHANGE: &str = "bench_exchange";
/// As many quorum queues as hear card.created.
const QUEUES: [&str; 2] = ["bench.first", "bench.second"];
const DELIVERY_LIMIT: i32 = 20;

#[derive(Debug, Args)]
pub(crate) struct Target {
    #[arg(long)]
    amqp_uri: String,
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Fill {
    #[arg(long)]
    amqp_uri: String,
    /// So many mails are asked for
    #[arg(long)]
    count: u64,
}

async fn channel(uri: &str) -> anyhow::Result<(Connection, Channel)> {
    service_kit::tls::install_crypto_provider();
    let connection = Connection::connect(uri, ConnectionProperties::default()).await.context("--amqp-uri")?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok((connection, channel))
}

/// The ceiling of the relay: one channel, 256 in flight, persistent, mandatory, into two quorum queues.
pub(crate) async fn run(target: &Target) -> anyhow::Result<String> {
    let (_connection, channel) = channel(&target.amqp_uri).await?;
    declare(&channel).await?;
    let (begun, limit) = (Instant::now(), Duration::from_secs(target.seconds));
    let mut window = VecDeque::with_capacity(IN_FLIGHT);
    let mut count = 0;
    while begun.elapsed() < limit {
        let body = example_body(count).to_string();
        let id = format!("00000000-0000-7000-8000-{count:012x}");
        window.push_back(publish(&channel, EXCHANGE, "card.created", &id, body.as_bytes()).await?);
        if window.len() >= IN_FLIGHT
            && let Some(oldest) = window.pop_front()
        {
            confirmed(&oldest.await?)?;
        }
        count += 1;
    }
    for rest in window {
        confirmed(&rest.await?)?;
    }
    let rate = per_second(count, begun.elapsed());
    for queue in QUEUES {
        channel.queue_delete(queue.into(), lapin::options::QueueDeleteOptions::default()).await?;
    }
    Ok(format!("rate={rate}"))
}

async fn declare(channel: &Channel) -> anyhow::Result<()> {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(EXCHANGE.into(), ExchangeKind::Topic, durable, FieldTable::default()).await?;
    for queue in QUEUES {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(DELIVERY_LIMIT));
        arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(queue.into(), durable, arguments).await?;
        let (exchange, key) = (EXCHANGE.into(), "card.*".into());
        channel.queue_bind(queue.into(), exchange, key, QueueBindOptions::default(), FieldTable::default()).await?;
    }
    Ok(())
}

async fn publish(
    channel: &Channel,
    exchange: &str,
    key: &str,
    id: &str,
    body: &[u8],
) -> anyhow::Result<BoxFuture<'static, lapin::Result<Confirmation>>> {
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type("application/json".into())
        .with_message_id(id.into())
        .with_type(key.into());
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    Ok(Box::pin(channel.basic_publish(exchange.into(), key.into(), options, body, properties).await?))
}

fn confirmed(confirmation: &Confirmation) -> anyhow::Result<()> {
    if matches!(confirmation, Confirmation::Ack(None)) { Ok(()) } else { bail!("a message was not confirmed") }
}

/// Asks for mails: what email-service then works off is its own queue.
pub(crate) async fn fill(fill: &Fill) -> anyhow::Result<String> {
    let (_connection, channel) = channel(&fill.amqp_uri).await?;
    let mut window = VecDeque::new();
    let run = service_kit::ids::new_uuid().simple().to_string();
    let head = run.get(..8).unwrap_or("00000000");
    for number in 1..=fill.count {
        let data = json!({"id": number, "name": format!("Bank {number}")});
        let body = json!({"user_id": 1, "date": "2026-01-01T00:00:00", "message": "Bank created", "data": data});
        let id = format!("{head}-0000-7000-8000-{number:012x}");
        let body = body.to_string();
        let sent = publish(&channel, shared_events::routing::EXCHANGE, "bank.created", &id, body.as_bytes());
        window.push_back(sent.await?);
        if window.len() >= IN_FLIGHT
            && let Some(oldest) = window.pop_front()
        {
            confirmed(&oldest.await?)?;
        }
    }
    for rest in window {
        confirmed(&rest.await?)?;
    }
    Ok(format!("filled={}", fill.count))
}
