//! Checks that the broker is reachable and grants the rights needed; reports to the operator in one clear line.

use lapin::BasicProperties;
use lapin::options::BasicPublishOptions;

use super::connection::BrokerConnection;
use super::error::AmqpError;
use super::{routes, topology};
use crate::messaging::{AmqpSettings, ConsumerSettings};

/// The part that a service plays at the broker, which decides the rights it needs.
#[derive(Debug, Clone, Copy)]
pub enum Role<'a> {
    /// It publishes to the exchange.
    Publisher,
    /// It has its own queue, which this declares, as the service would a moment later.
    Consumer(&'a ConsumerSettings),
    /// It may declare and bind such a queue; this declares none. For `doctor`.
    ConsumerRights(&'a ConsumerSettings),
}

/// Connects, logs in, ensures the exchange, and checks the rights for each role. Nothing is published. Never takes longer than a
/// few times the request limit.
pub async fn probe(settings: &AmqpSettings, roles: &[Role<'_>]) -> Result<(), AmqpError> {
    let connection = BrokerConnection::open(settings, "probe").await?;
    let outcome = try_roles(&connection, roles).await;
    connection.close().await;
    outcome
}

async fn try_roles(connection: &BrokerConnection, roles: &[Role<'_>]) -> Result<(), AmqpError> {
    topology::check_exchange(connection).await?;
    for role in roles {
        match role {
            Role::Publisher => try_publishing(connection).await?,
            Role::Consumer(settings) => {
                topology::declare_queues(connection, settings).await?;
                routes::exchange_to(connection, &settings.queue).await?;
            }
            Role::ConsumerRights(settings) => topology::check_queues(connection, settings).await?,
        }
    }
    Ok(())
}

/// The broker checks the right to publish before it checks the message: one whose expiry is no number is refused as malformed
/// if the user may publish, and is never routed.
async fn try_publishing(connection: &BrokerConnection) -> Result<(), AmqpError> {
    let exchange = &connection.settings().exchange;
    let doing = format!("publishing to the exchange {exchange:?}");
    let channel = connection.confirmed_channel().await?;
    let nonsense = BasicProperties::default().with_expiration("never".into());
    let (name, options) = (topology::short(exchange), BasicPublishOptions::default());
    let refused = async { channel.basic_publish(name, "probe".into(), options, &[], nonsense).await?.await };
    match connection.request(&doing, refused).await {
        Err(error @ AmqpError::Forbidden { .. }) => Err(error),
        _ => Ok(()),
    }
}

/// For the start of a service: a broker that refuses us is an error; an unavailable one is logged, and waited for.
pub async fn check_at_start(settings: &AmqpSettings, roles: &[Role<'_>]) -> Result<(), AmqpError> {
    match probe(settings, roles).await {
        Err(error @ (AmqpError::Unreachable { .. } | AmqpError::TimedOut { .. } | AmqpError::Lost { .. })) => {
            tracing::warn!(%error, "the broker is unavailable; it is waited for");
            Ok(())
        }
        result => result,
    }
}
