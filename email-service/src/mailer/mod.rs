//! Sending mail: one trait, one adapter each for a mailbox folder, SMTP and Mailgun.

mod mailbox;
mod mailgun;
mod smtp;

pub use mailbox::Mailbox;
pub use mailgun::{MailgunMailer, MailgunSettings};
pub use smtp::{Limits, Login, Security, SmtpMailer, SmtpSettings};

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::Mail;

/// The mail was accepted for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The server's answer, in one line.
    pub answer: String,
}

/// Why a mail was not accepted. The reason is one line without addresses or content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// This mail may be accepted later. Spends an attempt.
    #[error("{0}")]
    Transient(String),
    /// This mail will never be accepted.
    #[error("{0}")]
    Permanent(String),
    /// No mail can be accepted now. Spends no attempt: consumption pauses until [`Mailer::probe`] succeeds.
    #[error("{0}")]
    Unavailable(String),
    /// No answer, before the content was sent: perhaps no mail can be accepted now, which [`Mailer::probe`] finds out.
    /// Spends no attempt, within a bound.
    #[error("{0}")]
    Unanswered(String),
}

/// Sends mails.
///
/// A mail sent again has the same Message-ID; an adapter that can detect that must not store it twice.
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// `Ok` only when the mail is on durable storage, or a server has confirmed it.
    async fn send(&self, mail: &Mail) -> Result<Accepted, SendError>;

    /// Whether mail can be sent now. Sends none, and leaves nothing behind.
    async fn probe(&self) -> Result<(), String>;
}

/// The destination of mail, and its settings.
#[derive(Debug, Clone)]
pub enum MailTarget {
    /// A folder of `.eml` files.
    Mailbox(PathBuf),
    Smtp(SmtpSettings),
    Mailgun(MailgunSettings),
}

/// Why mail can never be sent with this configuration. Each names the setting to change.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("MAIL_URL: the mailbox folder cannot be used")]
    Folder(#[source] io::Error),
    #[error("EMAIL_SMTP_CA: {0}")]
    Authorities(String),
    /// The text names the variable.
    #[error("{0}")]
    Certificate(String),
    #[error("opening the mailer was cut off: {0}")]
    Interrupted(String),
}

impl MailTarget {
    /// Opens the adapter. An unavailable mail server is no error: mail waits for it.
    pub async fn open(&self) -> Result<Arc<dyn Mailer>, OpenError> {
        match self {
            Self::Mailbox(folder) => {
                let folder = folder.clone();
                let mailbox = blocking(move || Mailbox::open(folder).map_err(OpenError::Folder)).await?;
                Ok(Arc::new(mailbox))
            }
            Self::Smtp(settings) => {
                let settings = settings.clone();
                let mailer = blocking(move || SmtpMailer::new(settings)).await?;
                mailer.trial().await?;
                Ok(Arc::new(mailer))
            }
            Self::Mailgun(settings) => Ok(Arc::new(MailgunMailer::new(settings.clone()))),
        }
    }
}

/// Opening reads and writes files, so it runs off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, OpenError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| OpenError::Interrupted(error.to_string()))?
}
