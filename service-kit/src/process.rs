//! The frame of a service's process: the parts that its services share, the consumers of its queue, and how it ends.

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use crate::clock::{SharedClock, SystemClock};
use crate::config::{ConfigError, EXIT_REFUSED, print_warnings};
use crate::http::auth::{HttpKeys, HttpSessions, KeySource, SessionSource, Verifier};
use crate::http::{PeerTrust, causes};
use crate::lifecycle::Shutdown;
#[cfg(feature = "amqp")]
use crate::lifecycle::{DRAIN_LIMIT, Readiness, WORK_LIMIT};
#[cfg(feature = "amqp")]
use crate::messaging::amqp::{AmqpConsumers, AmqpError, Role, check_at_start};
#[cfg(feature = "amqp")]
use crate::messaging::{AmqpSettings, Consumer, ConsumerSettings, SubscribeError};
use crate::telemetry::{Metrics, TelemetryError};

/// The parts that a process provides to a service: it may hold several.
#[derive(Clone)]
pub struct Parts {
    pub clock: SharedClock,
    /// The source of the keys that verify tokens.
    pub keys: Arc<dyn KeySource>,
    /// The source that says whether a user's session still counts.
    pub sessions: Arc<dyn SessionSource>,
    pub metrics: Arc<Metrics>,
    /// The service stops when it begins.
    pub shutdown: Shutdown,
}

impl Parts {
    /// Those of a process that holds one service, asks the server at `JWKS_URL` about tokens, and ends on SIGTERM or SIGINT.
    pub fn of_process(jwks_url: &str, trust: &PeerTrust) -> Self {
        let shutdown = Shutdown::new();
        shutdown.on_signals();
        let clock: SharedClock = Arc::new(SystemClock);
        Self {
            keys: Arc::new(HttpKeys::new(jwks_url, trust, Arc::clone(&clock))),
            sessions: Arc::new(HttpSessions::new(jwks_url, trust, Arc::clone(&clock))),
            clock,
            metrics: Metrics::new(),
            shutdown,
        }
    }

    /// The check of the tokens that callers of a service send.
    pub fn verifier(&self, audience: &str) -> Verifier {
        let verifier = Verifier::new(Arc::clone(&self.keys), audience, Arc::clone(&self.clock));
        verifier.with_sessions(Arc::clone(&self.sessions))
    }
}

/// Why a queue cannot be consumed.
#[cfg(feature = "amqp")]
#[derive(Debug, thiserror::Error)]
pub enum ConsumeError {
    #[error("AMQP_URI")]
    Broker(#[from] AmqpError),
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
}

/// Consumes a queue of the broker, which `/readyz` needs; requests are answered without it all the same, and events wait. A
/// broker that refuses the service is an error; an unavailable one is waited for.
#[cfg(feature = "amqp")]
pub async fn consume(
    broker: AmqpSettings,
    (settings, consumer): (ConsumerSettings, Arc<dyn Consumer>),
    parts: &Parts,
    readiness: &Readiness,
) -> Result<AmqpConsumers, ConsumeError> {
    check_at_start(&broker, &[Role::Consumer(&settings)]).await?;
    let consumers = AmqpConsumers::new(broker, Arc::clone(&parts.metrics), parts.shutdown.clone());
    consumers.subscribe(settings, consumer)?;
    let watched = consumers.clone();
    readiness.add("broker", move || {
        let state = watched.state();
        Box::pin(async move { state })
    });
    Ok(consumers)
}

/// Waits for the shutdown, and then for the messages in flight.
#[cfg(feature = "amqp")]
pub async fn drain_at_shutdown(shutdown: &Shutdown, consumers: Option<AmqpConsumers>) {
    shutdown.wait().await;
    let deadline = shutdown.deadline(WORK_LIMIT);
    if let Some(consumers) = consumers {
        consumers.drain(deadline.left(DRAIN_LIMIT)).await;
    }
}

/// Writes the error with its causes on one line, after the warnings of a configuration that is refused. The exit code is
/// [`EXIT_REFUSED`] if the configuration or the settings of the log are refused, else 1.
pub fn fail(program: &str, error: &(dyn Error + 'static)) -> ExitCode {
    if let Some(refused) = find::<ConfigError>(error) {
        print_warnings(program, refused.warnings());
    }
    // A failed write means that standard error is closed: the error has no reader then.
    writeln!(std::io::stderr(), "{program}: {}", causes(error)).ok();
    ExitCode::from(code_of(error))
}

fn code_of(error: &(dyn Error + 'static)) -> u8 {
    let is_refused = find::<ConfigError>(error).is_some() || find::<TelemetryError>(error).is_some();
    if is_refused { EXIT_REFUSED } else { 1 }
}

/// The error itself or the first of its causes that is of this type.
fn find<'a, E: Error + 'static>(mut error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    loop {
        match error.downcast_ref() {
            Some(found) => return Some(found),
            None => error = error.source()?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Faults;

    #[derive(Debug, thiserror::Error)]
    #[error("it cannot start")]
    struct Around<E: Error + 'static>(#[source] E);

    #[test]
    fn only_a_refused_configuration_or_log_has_its_own_exit_code() {
        let mut faults = Faults::new();
        faults.add("PUBLIC_URL: is wrong");
        let refused = faults.finish().unwrap_err();
        assert_eq!(code_of(&refused), EXIT_REFUSED);
        assert_eq!(code_of(&Around(refused)), EXIT_REFUSED);
        assert_eq!(code_of(&TelemetryError::Level), EXIT_REFUSED);
        assert_eq!(code_of(&Around(std::io::Error::other("the disk is full"))), 1);
    }
}
