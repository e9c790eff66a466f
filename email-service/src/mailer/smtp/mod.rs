//! SMTP: mail for a server that delivers it.
//!
//! `Ok` means that the server answered 250 to the whole mail. After a time limit, a lost connection or a 4xx the mail is sent
//! again under the same Message-ID; if the server had accepted it all the same (its 250 came too late), the reader gets two
//! copies with one Message-ID. While the server is unavailable no attempt is spent, except on a mail whose content it was sent.
//! Limits: [`Limits`].

mod connection;
mod dial;
mod health;
mod pool;
mod reply;
mod settings;
mod trust;
mod wire;

pub use settings::{Limits, Login, Security, SmtpSettings};

use async_trait::async_trait;
use service_kit::telemetry::trace::Span;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use self::connection::{Connection, OutgoingMail};
use self::dial::{DialError, Dialer};
use self::health::Health;
use self::pool::Pool;
use super::{Accepted, Mailer, OpenError, SendError};
use crate::domain::Mail;

pub struct SmtpMailer {
    /// Host and port, as spans name them.
    server: (String, u16),
    dialer: Dialer,
    pool: Pool,
    permits: Semaphore,
    health: Health,
    limits: Limits,
}

impl SmtpMailer {
    /// Connects to no server yet, but reads certificates: call it off the async threads.
    pub fn new(settings: SmtpSettings) -> Result<Self, OpenError> {
        let limits = settings.limits;
        Ok(Self {
            server: (settings.host.clone(), settings.port),
            dialer: Dialer::new(settings).map_err(OpenError::Authorities)?,
            pool: Pool::new(limits),
            permits: Semaphore::new(limits.connections),
            health: Health::new(limits.probe_cache),
            limits,
        })
    }

    /// Connects once at start. An untrusted certificate is a fault of the configuration; an unavailable server is not: mail
    /// waits for it.
    pub async fn trial(&self) -> Result<(), OpenError> {
        match self.try_dial().await {
            Ok(()) => Ok(()),
            Err(DialError::Certificate(reason)) => Err(OpenError::Certificate(reason)),
            Err(DialError::Unreachable(reason)) => {
                tracing::warn!(reason = reason, "the mail server is not there yet; mail waits for it");
                Ok(())
            }
        }
    }

    async fn try_dial(&self) -> Result<(), DialError> {
        let dialled = self.dialer.dial().await;
        self.health.record(dialled.as_ref().map(|_| ()).map_err(ToString::to_string));
        Connection::new(dialled?).quit(self.limits.command).await;
        Ok(())
    }

    /// A connection in step, used before or new.
    async fn ready(&self) -> Result<Connection, SendError> {
        if let Some(mut connection) = self.pool.take() {
            if connection.reset(self.limits.command).await {
                return Ok(connection);
            }
            self.pool.clear();
        }
        let smtp = self.dialer.dial().await.map_err(|error| SendError::Unavailable(error.to_string()))?;
        Ok(Connection::new(smtp))
    }

    async fn give(&self, outgoing: &OutgoingMail) -> Result<Accepted, SendError> {
        let started = Instant::now();
        let preparing = timeout(self.limits.mail, async {
            let permit =
                self.permits.acquire().await.map_err(|_| SendError::Unavailable("shutting down".to_owned()))?;
            Ok((permit, self.ready().await?))
        });
        let busy = |_| Err(SendError::Unavailable("no connection to the mail server in time".to_owned()));
        let (_permit, mut connection) = preparing.await.unwrap_or_else(busy)?;
        let left = self.limits.mail.saturating_sub(started.elapsed());
        let Ok(answer) = timeout(left, connection.deliver(outgoing, &self.limits)).await else {
            return Err(SendError::Transient("the mail server gave no final answer in time".to_owned()));
        };
        self.pool.put(connection);
        answer
    }
}

fn error_type(error: &SendError) -> &'static str {
    match error {
        SendError::Transient(_) => "transient",
        SendError::Permanent(_) => "permanent",
        SendError::Unavailable(_) => "unavailable",
        SendError::Unanswered(_) => "unanswered",
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<Accepted, SendError> {
        let message = mail.to_message().map_err(|error| SendError::Permanent(error.to_string()))?;
        let (host, port) = &self.server;
        let mut span = Span::smtp(host, *port);
        let answer = span.scope(self.give(&OutgoingMail::from(&message))).await;
        if let Err(error) = &answer {
            span.fail(error_type(error));
        }
        match &answer {
            Ok(_) => self.health.record(Ok(())),
            Err(SendError::Unavailable(reason)) => self.health.record(Err(reason.clone())),
            // The server may be going down: the next probe has to ask it.
            Err(SendError::Transient(_) | SendError::Unanswered(_)) => self.health.forget(),
            Err(SendError::Permanent(_)) => {}
        }
        answer
    }

    /// Connects, says EHLO, logs in and quits. A success is cached for [`Limits::probe_cache`], a failure shorter.
    async fn probe(&self) -> Result<(), String> {
        if let Some(known) = self.health.recent() {
            return known;
        }
        let _one = self.health.probing.lock().await;
        match self.health.recent() {
            Some(known) => known,
            None => self.try_dial().await.map_err(|error| error.to_string()),
        }
    }
}
