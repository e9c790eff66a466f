//! `serve`: the HTTP API, the relay and the callback queue until SIGTERM or SIGINT.
//!
//! Without a broker events stay in the outbox, and are published once the service runs with one.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use service_kit::clock::SystemClock;
use service_kit::lifecycle::Shutdown;
use service_kit::messaging::amqp::{self, AmqpConsumers, AmqpPublisher, AmqpSettings};

use crate::app::{self, Running};
use crate::config::Config;

/// Handlers that still run after this time are stopped; what they had is delivered again.
const DRAIN: Duration = Duration::from_secs(5);

pub(super) fn run(config: Config) -> anyhow::Result<ExitCode> {
    actix_rt::System::new().block_on(async {
        let shutdown = Shutdown::new();
        shutdown.on_signals();
        let mut running = app::start(config, Arc::new(SystemClock), shutdown.clone()).await?;
        let consumers = if let Some(broker) = running.state.settings.broker.clone() {
            Some(connect(&mut running, broker, &shutdown).await?)
        } else {
            tracing::warn!("AMQP_URI is not set: events wait in the outbox");
            None
        };
        shutdown.wait().await;
        if let Some(consumers) = consumers {
            consumers.drain(DRAIN).await;
        }
        running.finish().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// A broker that refuses us is a fault to be told at once; one that is away is waited for.
async fn connect(running: &mut Running, broker: AmqpSettings, shutdown: &Shutdown) -> anyhow::Result<AmqpConsumers> {
    amqp::check_at_start(&broker).await.context("AMQP_URI")?;
    let metrics = running.state.metrics.clone();
    let publisher = AmqpPublisher::start(broker.clone(), &metrics, shutdown.clone());
    let consumers = AmqpConsumers::new(broker, metrics, shutdown.clone());
    let (settings, consumer) = running.mail_receipts();
    consumers.subscribe(settings, consumer)?;
    running.start_relay(Arc::new(publisher));
    Ok(consumers)
}
