//! State that the workers of a consumer share: the connection, and the progress of consuming.

use std::sync::{Arc, Mutex, PoisonError};

use lapin::Channel;
use lapin::types::ShortString;
use tokio::sync::Mutex as AsyncMutex;
use tokio_util::sync::CancellationToken;

use super::Subscription;
use super::acks::Acks;
use super::delivery_stream::{DeliveryStream, InFlight};
use crate::messaging::amqp::connection::BrokerConnection;
use crate::messaging::amqp::error::AmqpError;

/// One connection with its channels.
pub(super) struct Session {
    pub(super) subscription: Arc<Subscription>,
    pub(super) connection: BrokerConnection,
    pub(super) channel: Channel,
    /// For copies to the retry and dead-letter queues.
    pub(super) copies: AsyncMutex<Channel>,
    /// The exchange that leads to this queue and to its retry and dead-letter queues.
    pub(super) exchange: ShortString,
    /// Locked until the acknowledgements are sent: one that overtakes another's `multiple` would name an unknown delivery.
    pub(super) acks: AsyncMutex<Acks>,
}

/// Consuming between two pauses.
pub(super) struct ConsumerState {
    pub(super) deliveries: AsyncMutex<DeliveryStream>,
    /// Cancelled when workers have to take no more.
    pub(super) stop: CancellationToken,
    pub(super) change: Mutex<StateChange>,
}

/// The events that workers have met.
#[derive(Default)]
pub(super) struct StateChange {
    pub(super) failure: Option<AmqpError>,
    pub(super) outage: Option<String>,
    /// Deliveries that wait for the end of the outage.
    pub(super) held: Vec<InFlight>,
}

impl ConsumerState {
    pub(super) fn fail(&self, error: AmqpError) {
        self.change.lock().unwrap_or_else(PoisonError::into_inner).failure.get_or_insert(error);
        self.stop.cancel();
    }

    pub(super) fn pause(&self, reason: &str, held: Vec<InFlight>) {
        let mut change = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        change.outage.get_or_insert_with(|| reason.to_owned());
        change.held.extend(held);
        self.stop.cancel();
    }
}
