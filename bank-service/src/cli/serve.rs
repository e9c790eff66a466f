//! `serve`: the HTTP API, the relay and the callback queue until SIGTERM or SIGINT.
//!
//! Without a broker, events stay in the outbox, and are published once the service runs with one.

use std::iter;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use service_kit::lifecycle::{Shutdown, block_on};
use service_kit::messaging::amqp::{self, Role};
use service_kit::messaging::{AmqpConsumers, AmqpPublisher, AmqpSettings};
use service_kit::process::drain_at_shutdown;
use service_kit::telemetry::Metrics;

use super::people;
use super::state::prepare;
use crate::app::{self, Running};
use crate::config::Settings;

pub(super) fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    block_on(async {
        let shutdown = Shutdown::new();
        shutdown.on_signals();
        let metrics = Metrics::new();
        let state = prepare(settings, metrics).await?;
        // Before any port is open: a reachable bank must have its administrator.
        if let Some(code) = people::first_admin(&state).await? {
            state.store.close().await;
            return Ok(code);
        }
        let mut running = app::serve(state, shutdown.clone())?;
        // The publisher must outlive the relay, which waits for the confirms of its messages.
        let drained = Shutdown::new();
        let consumers = if let Some(broker) = running.state.settings.broker.clone() {
            Some(connect(&mut running, broker, &shutdown, &drained).await?)
        } else {
            tracing::warn!("AMQP_URI is not set: events wait in the outbox");
            None
        };
        drain_at_shutdown(&shutdown, consumers).await;
        let finished = running.finish().await;
        drained.begin();
        finished?;
        Ok(ExitCode::SUCCESS)
    })
}

/// A broker that refuses the connection is reported at once; an unavailable one is waited for.
async fn connect(
    running: &mut Running,
    broker: AmqpSettings,
    shutdown: &Shutdown,
    drained: &Shutdown,
) -> anyhow::Result<AmqpConsumers> {
    let mut consumed = vec![running.mail_receipts()];
    consumed.extend(running.outgoing().context("SMS_FOLDER")?);
    let roles: Vec<Role<'_>> =
        iter::once(Role::Publisher).chain(consumed.iter().map(|(settings, _)| Role::Consumer(settings))).collect();
    amqp::check_at_start(&broker, &roles).await.context("AMQP_URI")?;
    let metrics = running.state.metrics.clone();
    let publisher = AmqpPublisher::start(broker.clone(), &metrics, drained.clone());
    let consumers = AmqpConsumers::new(broker.clone(), metrics, shutdown.clone());
    watch(running, &broker, &publisher, &consumers);
    for (settings, consumer) in consumed {
        consumers.subscribe(settings, consumer)?;
    }
    running.start_relay(Arc::new(publisher));
    Ok(consumers)
}

/// `/readyz` reports the broker, also as down while a queue of this service cannot be consumed, and each missing queue.
/// Requests are served without them, and events wait; only the broker makes the report "not ready".
fn watch(running: &Running, broker: &AmqpSettings, publisher: &AmqpPublisher, consumers: &AmqpConsumers) {
    let (probed, consumers) = (publisher.clone(), consumers.clone());
    running.readiness.add("broker", move || {
        let state = probed.state().and_then(|()| consumers.state());
        Box::pin(async move { state })
    });
    for queue in broker.expected_queues.clone() {
        let (probed, name) = (publisher.clone(), format!("queue {queue}"));
        running.readiness.watch(name, move || {
            let missing = probed.missing_queues().contains(&queue);
            Box::pin(async move { if missing { Err("events wait for it".to_owned()) } else { Ok(()) } })
        });
    }
}
