//! The exchange by which a message reaches one queue.
//!
//! Each queue has a direct exchange of its own, `<queue>.direct`, bound by name to it and to its retry and dead-letter queues.
//! The right to write there is the right to write to that queue, while the right on the default exchange would be one on every
//! queue. A broker whose users got their rights from an earlier release may have no such exchange, or not for us: then the
//! default exchange is used. Each connection finds out once which one to use, by a message that no queue takes.

use std::collections::BTreeMap;

use lapin::BasicProperties;
use lapin::types::ShortString;
use tokio::sync::Mutex;

use super::connection::BrokerConnection;
use super::error::AmqpError;
use super::publish_batch::{self, OutboundMessage, batch_error};
use super::topology::{direct_exchange, short};

/// No queue has a name of this form: ours begin with a letter.
const NO_QUEUE: &str = "-none-";
/// Names of queues come with messages, so no more are remembered than a system of ours could have.
const MAX_KNOWN: usize = 64;

/// The exchanges to queues that one connection has found.
#[derive(Default)]
pub(super) struct Routes {
    known: Mutex<BTreeMap<String, Option<ShortString>>>,
}

impl Routes {
    /// The exchange for messages to a queue; `None` if the user may write to neither.
    pub(super) async fn to(
        &self,
        connection: &BrokerConnection,
        queue: &str,
    ) -> Result<Option<ShortString>, AmqpError> {
        let mut known = self.known.lock().await;
        if let Some(found) = known.get(queue) {
            return Ok(found.clone());
        }
        let found = match exchange_to(connection, queue).await {
            Ok(exchange) => Some(exchange),
            Err(AmqpError::Forbidden { .. }) => None,
            Err(error) => return Err(error),
        };
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(queue.to_owned(), found.clone());
        Ok(found)
    }
}

/// The exchange for messages to a queue and its retry and dead-letter queues, or the error of the exchange that we may not
/// use.
pub(super) async fn exchange_to(connection: &BrokerConnection, queue: &str) -> Result<ShortString, AmqpError> {
    let own = short(&direct_exchange(queue));
    match try_writing(connection, own.clone()).await {
        Ok(()) => Ok(own),
        Err(AmqpError::Forbidden { .. } | AmqpError::Missing { .. }) => {
            try_writing(connection, ShortString::default()).await.map(|()| ShortString::default())
        }
        Err(error) => Err(error),
    }
}

async fn try_writing(connection: &BrokerConnection, exchange: ShortString) -> Result<(), AmqpError> {
    let doing = format!("publishing to the exchange {:?}", exchange.as_str());
    let channel = connection.confirmed_channel().await?;
    let (routing_key, properties) = (short(NO_QUEUE), BasicProperties::default());
    let nothing = OutboundMessage { exchange, routing_key, properties, body: Vec::new() };
    let settings = connection.settings();
    publish_batch::publish(&channel, vec![nothing], settings.confirm_limit)
        .await
        .map_err(|error| batch_error(settings, error, &doing))?;
    connection.request("closing a channel", channel.close(200, short("OK"))).await
}
