//! Is the broker there, and may we use it? For the operator, who wants one clear line.

use super::connection::Link;
use super::error::AmqpError;
use super::settings::AmqpSettings;
use super::topology;

/// Connects, logs in and makes sure of the exchange. Never takes longer than a few times the request limit.
pub async fn probe(settings: &AmqpSettings) -> Result<(), AmqpError> {
    let link = Link::open(settings, "probe").await?;
    let outcome = topology::declare_exchange(&link).await;
    link.close().await;
    outcome
}

/// For the start of a service: a broker that refuses us is an error; one that is away will be waited for, and is logged.
pub async fn check_at_start(settings: &AmqpSettings) -> Result<(), AmqpError> {
    match probe(settings).await {
        Err(error @ (AmqpError::Unreachable { .. } | AmqpError::TimedOut { .. } | AmqpError::Lost { .. })) => {
            tracing::warn!(%error, "the broker is away; it is waited for");
            Ok(())
        }
        result => result,
    }
}
