//! One connection to the broker, and the pace of reconnecting.
//!
//! A broken connection is never repaired: the library's own recovery can hang without an error. A connection with any fault is
//! dropped whole, and a new one is made. Every request has a time limit.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::options::{BasicQosOptions, ConfirmSelectOptions};
use lapin::tcp::OwnedTLSConfig;
use lapin::{Channel, Connection, ConnectionProperties, Event};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::error::{AmqpError, is_refusal};
use crate::messaging::AmqpSettings;
use crate::tls::install_crypto_provider;
use crate::{ids, task};

const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(2);
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
const REPLY_SUCCESS: u16 = 200;

/// An open connection. Dropped, it is closed.
pub(super) struct BrokerConnection {
    settings: AmqpSettings,
    connection: Connection,
    closed: CancellationToken,
    why: std::sync::Arc<Mutex<Option<String>>>,
    watcher: AbortHandle,
}

impl BrokerConnection {
    /// Connects and logs in. The broker's tools show the connection under `name`.
    pub(super) async fn open(settings: &AmqpSettings, name: &str) -> Result<Self, AmqpError> {
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        install_crypto_provider();
        let tls = OwnedTLSConfig { identity: None, cert_chain: settings.ca_pem.clone() };
        let connecting = async {
            let runtime = lapin::runtime::default_runtime()?;
            Connection::connect_uri_with_config(settings.uri.clone(), properties, tls, runtime).await
        };
        let connection = match tokio::time::timeout(settings.request_limit, connecting).await {
            Ok(connected) => connected.map_err(|error| AmqpError::of_connecting(&error, settings))?,
            Err(_) => return Err(timed_out(settings, "connecting")),
        };
        let (closed, why) = (CancellationToken::new(), std::sync::Arc::<Mutex<Option<String>>>::default());
        let mut events = connection.events_listener();
        let watcher = task::spawn("amqp-events", {
            let (closed, why) = (closed.clone(), std::sync::Arc::clone(&why));
            async move {
                while let Some(event) = events.next().await {
                    match event {
                        Event::Error(error) if is_refusal(&error) => tracing::debug!(%error, "a channel was closed"),
                        Event::Error(error) => {
                            why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.to_string());
                            break;
                        }
                        Event::ConnectionBlocked(reason) => tracing::warn!(reason, "the broker takes no messages now"),
                        Event::ConnectionUnblocked => tracing::info!("the broker takes messages again"),
                        _ => {}
                    }
                }
                closed.cancel();
            }
        });
        Ok(Self { settings: settings.clone(), connection, closed, why, watcher: watcher.abort_handle() })
    }

    pub(super) fn settings(&self) -> &AmqpSettings {
        &self.settings
    }

    /// Returns when the connection has ended.
    pub(super) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Why the connection ended.
    pub(super) fn loss(&self, doing: &str) -> AmqpError {
        let why = self.why.lock().unwrap_or_else(PoisonError::into_inner).clone();
        AmqpError::lost(&self.settings, doing, why.unwrap_or_else(|| "it was closed".to_owned()))
    }

    /// Makes one request within the time limit.
    pub(super) async fn request<T>(
        &self,
        doing: &str,
        request: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, AmqpError> {
        match tokio::time::timeout(self.settings.request_limit, request).await {
            Ok(answer) => answer.map_err(|error| AmqpError::of_request(&error, &self.settings, doing)),
            Err(_) => Err(timed_out(&self.settings, doing)),
        }
    }

    pub(super) async fn channel(&self) -> Result<Channel, AmqpError> {
        self.request("opening a channel", self.connection.create_channel()).await
    }

    /// A channel whose publishes are confirmed.
    pub(super) async fn confirmed_channel(&self) -> Result<Channel, AmqpError> {
        let channel = self.channel().await?;
        self.request("asking for confirms", channel.confirm_select(ConfirmSelectOptions::default())).await?;
        Ok(channel)
    }

    /// A channel that receives at most so many unacknowledged deliveries.
    pub(super) async fn consuming_channel(&self, prefetch: u16) -> Result<Channel, AmqpError> {
        let channel = self.channel().await?;
        self.request("limiting deliveries", channel.basic_qos(prefetch, BasicQosOptions::default())).await?;
        Ok(channel)
    }

    /// Closes the connection. Unacknowledged deliveries go back to their queue.
    pub(super) async fn close(&self) {
        let closing = self.connection.close(REPLY_SUCCESS, "OK".into());
        match tokio::time::timeout(CLOSE_LIMIT, closing).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the connection was gone already"),
            Err(_) => tracing::debug!("the broker did not confirm the close"),
        }
    }
}

impl Drop for BrokerConnection {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

fn timed_out(settings: &AmqpSettings, doing: &str) -> AmqpError {
    AmqpError::TimedOut { endpoint: settings.endpoint(), doing: doing.to_owned(), limit: settings.request_limit }
}

/// Delays between attempts: doubling, and spread over their upper half, so that clients of a restarted broker do not all
/// connect at once.
#[derive(Default)]
pub(super) struct Backoff {
    attempts: u32,
}

impl Backoff {
    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }

    pub(super) fn next(&mut self) -> Duration {
        let full = FIRST_DELAY.saturating_mul(1 << self.attempts.min(8)).min(LONGEST_DELAY);
        self.attempts = self.attempts.saturating_add(1);
        let [random] = ids::random_bytes::<1>();
        (full / 2).saturating_add((full / 512).saturating_mul(random.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_two_seconds_and_never_reach_zero() {
        let mut backoff = Backoff::default();
        for full_ms in [100, 200, 400, 800, 1600, 2000, 2000, 2000] {
            let delay = backoff.next();
            let full = Duration::from_millis(full_ms);
            assert!(delay >= full / 2 && delay <= full, "{delay:?} of {full:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(100));
    }
}
