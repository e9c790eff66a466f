//! The server's address, its protection, and the time limits.

use std::path::PathBuf;
use std::time::Duration;

use service_kit::config::Secret;

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (`smtps`, usually port 465).
    Implicit,
    /// STARTTLS, or no mail at all.
    Required,
    /// STARTTLS where it is offered. A password is never sent without it, except to this machine.
    Opportunistic,
    /// The same, and without a password also with a server whose certificate is not trusted.
    Unverified,
    /// Never TLS, even if a password is sent.
    Off,
}

#[derive(Debug, Clone)]
pub struct Login {
    pub user: String,
    pub password: Secret,
}

/// Bounds on every wait and on every connection.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Finding the host and connecting to it.
    pub connect: Duration,
    /// The answer to one command, or one TLS handshake.
    pub command: Duration,
    /// One mail from the first wait to the final answer; only this bounds the answer to the mail's content, since servers scan the
    /// content before they answer.
    pub mail: Duration,
    /// Connections at the same time.
    pub connections: usize,
    /// Mails on one connection.
    pub mails_per_connection: u32,
    /// Age of a connection that takes another mail.
    pub connection_age: Duration,
    /// The longest wait of a connection for its next mail.
    pub idle: Duration,
    /// How long a successful probe is cached.
    pub probe_cache: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            command: Duration::from_secs(10),
            mail: Duration::from_secs(25),
            connections: 8,
            mails_per_connection: 100,
            connection_age: Duration::from_mins(1),
            idle: Duration::from_secs(20),
            probe_cache: Duration::from_secs(5),
        }
    }
}

/// An SMTP server and its settings.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub login: Option<Login>,
    /// PEM file of the authorities to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// The name given in EHLO.
    pub hello: String,
    pub limits: Limits,
}

impl SmtpSettings {
    /// Whether the server is on this machine, so that its traffic passes no network.
    pub(super) fn is_local(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Whether an untrusted certificate is better than none: mail without a password, on this machine or where the setting allows
    /// it, and no authority was named.
    pub(super) fn may_be_unverified(&self) -> bool {
        let is_opportunistic =
            self.security == Security::Unverified || (self.security == Security::Opportunistic && self.is_local());
        is_opportunistic && self.login.is_none() && self.ca.is_none()
    }

    /// `host:port`, for messages.
    pub(super) fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}
