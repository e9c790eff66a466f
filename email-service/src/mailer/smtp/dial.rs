//! From no connection to one that takes mail: TCP, TLS, EHLO, login.
//!
//! STARTTLS is implemented here and not by the client library, for two reasons: the TLS configuration stays ours, and bytes that
//! arrive before the handshake are refused instead of being taken for the server's protected answers (RFC 3207, section 6).
//! Every step has a time limit. Any failure here is the server's or the configuration's fault, never the mail's.

use std::sync::Arc;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::reply::{CHECK_LOGIN, SmtpFailure, expect_reply, scrub};
use super::settings::{Security, SmtpSettings};
use super::trust::{certificate_fault, client_config};
use super::wire::{Transport, Wire};

/// The bytes that a server may send before TLS.
const MAX_PRELUDE_BYTES: u64 = 16 * 1024;
const MAX_PRELUDE_LINES: usize = 100;
const MECHANISMS: &[Mechanism] = &[Mechanism::Plain, Mechanism::Login];

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    /// The certificate is not trusted: only a change of configuration helps.
    #[error("{0}")]
    Certificate(String),
    #[error("{0}")]
    Unreachable(String),
}

pub(super) struct Dialer {
    settings: SmtpSettings,
    tls: Option<Arc<ClientConfig>>,
}

impl Dialer {
    /// Reads certificates, so call it off the async threads. The error is a fault of `EMAIL_SMTP_CA`.
    pub(super) fn new(settings: SmtpSettings) -> Result<Self, String> {
        let tls = match settings.security {
            Security::Off => None,
            Security::Implicit | Security::Required | Security::Opportunistic | Security::Unverified => {
                Some(client_config(settings.ca.as_deref(), settings.may_be_unverified())?)
            }
        };
        Ok(Self { settings, tls })
    }

    pub(super) async fn dial(&self) -> Result<AsyncSmtpConnection, DialError> {
        let (wire, protected) = self.wire().await?;
        let hello = ClientId::Domain(self.settings.hello.clone());
        let connecting = AsyncSmtpConnection::connect_with_transport(Box::new(wire), &hello);
        let mut connection = match timeout(self.settings.limits.command.saturating_mul(2), connecting).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Err(self.unreachable(&SmtpFailure::of(&error).describe("the greeting"))),
            Err(_) => return Err(self.unreachable("the greeting was not given in time")),
        };
        self.log_in(&mut connection, protected).await?;
        Ok(connection)
    }

    /// The stream, and whether it is protected.
    async fn wire(&self) -> Result<(Wire, bool), DialError> {
        let tcp = self.connect().await?;
        match (&self.tls, self.settings.security) {
            (None, _) | (_, Security::Off) => Ok((Wire::new(Transport::Plain(tcp)), false)),
            (Some(tls), Security::Implicit) => Ok((Wire::new(self.handshake(tls, tcp).await?), true)),
            (Some(tls), security) => {
                let (tcp, offered) = self.start_tls(tcp).await?;
                if offered {
                    return Ok((Wire::greeted(self.handshake(tls, tcp).await?), true));
                }
                if security == Security::Required {
                    return Err(
                        self.unreachable("it offers no STARTTLS, which EMAIL_SMTP_TLS (tls in MAIL_URL) requires")
                    );
                }
                Ok((Wire::greeted(Transport::Plain(tcp)), false))
            }
        }
    }

    async fn connect(&self) -> Result<TcpStream, DialError> {
        let host = self.settings.host.trim_start_matches('[').trim_end_matches(']');
        let connecting = TcpStream::connect((host, self.settings.port));
        let tcp = match timeout(self.settings.limits.connect, connecting).await {
            Ok(Ok(tcp)) => tcp,
            Ok(Err(error)) => return Err(self.unreachable(&format!("it cannot be reached: {error}"))),
            Err(_) => return Err(self.unreachable("it cannot be reached: timed out")),
        };
        // Without this every mail waits some 40 ms for an acknowledgement.
        tcp.set_nodelay(true).map_err(|error| self.unreachable(&error.to_string()))?;
        Ok(tcp)
    }

    async fn handshake(&self, tls: &Arc<ClientConfig>, tcp: TcpStream) -> Result<Transport, DialError> {
        let host = self.settings.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|_| self.unreachable("its name cannot be in a certificate"))?;
        let shaking = TlsConnector::from(Arc::clone(tls)).connect(name, tcp);
        match timeout(self.settings.limits.command, shaking).await {
            Ok(Ok(stream)) => Ok(Transport::Tls(Box::new(stream))),
            Ok(Err(error)) => match certificate_fault(&error, &self.settings.server()) {
                Some(fault) => Err(DialError::Certificate(fault)),
                None => Err(self.unreachable(&format!("the TLS handshake failed: {}", scrub(&error.to_string())))),
            },
            Err(_) => Err(self.unreachable("the TLS handshake took too long")),
        }
    }

    /// The dialogue before TLS: returns whether the server is ready for the handshake; it may offer none.
    async fn start_tls(&self, tcp: TcpStream) -> Result<(TcpStream, bool), DialError> {
        let mut reader = BufReader::new(tcp);
        self.expect("220", "the greeting", &mut reader).await?;
        self.send_line(&format!("EHLO {}\r\n", self.settings.hello), &mut reader).await?;
        let extensions = self.expect("250", "EHLO", &mut reader).await?;
        let offered = extensions.iter().any(|line| line.trim().eq_ignore_ascii_case("STARTTLS"));
        if offered {
            self.send_line("STARTTLS\r\n", &mut reader).await?;
            self.expect("220", "STARTTLS", &mut reader).await?;
        }
        if reader.buffer().is_empty() {
            Ok((reader.into_inner(), offered))
        } else {
            Err(self.unreachable("it sent more than was requested before TLS"))
        }
    }

    async fn send_line(&self, line: &str, stream: &mut BufReader<TcpStream>) -> Result<(), DialError> {
        stream.write_all(line.as_bytes()).await.map_err(|error| self.unreachable(&error.to_string()))
    }

    /// The lines of an answer with the expected code, without the code.
    async fn expect(
        &self,
        code: &str,
        step: &str,
        stream: &mut BufReader<TcpStream>,
    ) -> Result<Vec<String>, DialError> {
        let reading = timeout(self.settings.limits.command, self.read_answer(code, step, stream)).await;
        reading.unwrap_or_else(|_| Err(self.unreachable(&format!("{step} was not answered in time"))))
    }

    async fn read_answer(
        &self,
        code: &str,
        step: &str,
        stream: &mut BufReader<TcpStream>,
    ) -> Result<Vec<String>, DialError> {
        let mut lines = Vec::new();
        let mut bounded = stream.take(MAX_PRELUDE_BYTES);
        while lines.len() < MAX_PRELUDE_LINES {
            let mut line = String::new();
            let read = bounded.read_line(&mut line).await.map_err(|error| self.unreachable(&error.to_string()))?;
            if read == 0 {
                return Err(self.unreachable(&format!("the connection was lost at {step}")));
            }
            let Some(rest) = line.strip_prefix(code) else {
                return Err(self.unreachable(&format!("{step} was answered with {}", scrub(&line))));
            };
            lines.push(rest.get(1..).unwrap_or_default().to_owned());
            if !rest.starts_with('-') {
                return Ok(lines);
            }
        }
        Err(self.unreachable(&format!("the answer to {step} has no end")))
    }

    async fn log_in(&self, connection: &mut AsyncSmtpConnection, protected: bool) -> Result<(), DialError> {
        let Some(login) = &self.settings.login else { return Ok(()) };
        let if_offered = matches!(self.settings.security, Security::Opportunistic | Security::Unverified);
        if !protected && if_offered && !self.settings.is_local() {
            let reason = "it offers no STARTTLS, and a password is not sent in the clear; EMAIL_SMTP_TLS=none (tls=none \
                          in MAIL_URL) allows it";
            return Err(self.unreachable(reason));
        }
        let mechanisms = MECHANISMS.iter().filter(|one| connection.server_info().supports_auth_mechanism(**one));
        if mechanisms.count() == 0 {
            return Err(self.unreachable("it offers neither AUTH PLAIN nor AUTH LOGIN, but EMAIL_USER is set"));
        }
        let credentials = Credentials::new(login.user.clone(), login.password.expose().to_owned());
        match expect_reply(self.settings.limits.command, &[235], connection.auth(MECHANISMS, &credentials)).await {
            Ok(_) => Ok(()),
            Err(failure @ SmtpFailure::Answered { .. }) => {
                Err(self.unreachable(&format!("{}; {CHECK_LOGIN}", failure.describe("the login"))))
            }
            Err(failure) => Err(self.unreachable(&failure.describe("the login"))),
        }
    }

    fn unreachable(&self, reason: &str) -> DialError {
        DialError::Unreachable(format!("mail server {}: {reason}", self.settings.server()))
    }
}
