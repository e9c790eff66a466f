//! One connection and the dialogue of one mail on it.
//!
//! Only the code 250 to the whole content means that the mail was accepted. After silence, a lost connection or a time limit the
//! state of the dialogue is unknown: such a connection is dropped, never used again.

use std::time::Duration;

use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::{Address, Message};
use tokio::time::Instant;

use super::reply::{SmtpFailure, SmtpStep, expect_reply, scrub};
use super::settings::Limits;
use crate::mailer::{Accepted, SendError};

/// A mail in the form for the server.
pub(super) struct OutgoingMail {
    from: Option<Address>,
    to: Vec<Address>,
    content: Vec<u8>,
}

impl From<&Message> for OutgoingMail {
    fn from(message: &Message) -> Self {
        let envelope = message.envelope();
        Self { from: envelope.from().cloned(), to: envelope.to().to_vec(), content: message.formatted() }
    }
}

pub(super) struct Connection {
    smtp: AsyncSmtpConnection,
    opened: Instant,
    last_used: Instant,
    mails: u32,
    in_step: bool,
}

impl Connection {
    pub(super) fn new(smtp: AsyncSmtpConnection) -> Self {
        let now = Instant::now();
        Self { smtp, opened: now, last_used: now, mails: 0, in_step: true }
    }

    /// Whether it may take another mail, as far as is known without a request.
    pub(super) fn is_fit(&self, limits: &Limits) -> bool {
        self.in_step
            && self.mails < limits.mails_per_connection
            && self.opened.elapsed() < limits.connection_age
            && self.last_used.elapsed() < limits.idle
    }

    /// Resets the dialogue of the mail before; fails if the server is gone.
    pub(super) async fn reset(&mut self, limit: Duration) -> bool {
        expect_reply(limit, &[250], self.smtp.command(Rset)).await.is_ok()
    }

    /// Sends one mail to the server. Afterwards [`Connection::is_fit`] says whether the dialogue is still in step.
    pub(super) async fn deliver(&mut self, outgoing: &OutgoingMail, limits: &Limits) -> Result<Accepted, SendError> {
        self.mails = self.mails.saturating_add(1);
        // If this future is dropped, the flag stays false, and the connection is dropped too.
        self.in_step = false;
        let (answer, in_step) = match self.converse(outgoing, limits).await {
            Ok(accepted) => (Ok(accepted), true),
            Err((step, failure)) => {
                let in_step = failure.leaves_in_step();
                (Err(failure.into_send_error(step)), in_step)
            }
        };
        self.in_step = in_step;
        self.last_used = Instant::now();
        answer
    }

    async fn converse(
        &mut self,
        outgoing: &OutgoingMail,
        limits: &Limits,
    ) -> Result<Accepted, (SmtpStep, SmtpFailure)> {
        let (limit, smtp) = (limits.command, &mut self.smtp);
        let mail = smtp.command(Mail::new(outgoing.from.clone(), Vec::new()));
        expect_reply(limit, &[250], mail).await.map_err(|failure| (SmtpStep::MailFrom, failure))?;
        for recipient in &outgoing.to {
            let recipient = smtp.command(Rcpt::new(recipient.clone(), Vec::new()));
            expect_reply(limit, &[250, 251], recipient).await.map_err(|failure| (SmtpStep::RcptTo, failure))?;
        }
        expect_reply(limit, &[354], smtp.command(Data)).await.map_err(|failure| (SmtpStep::Data, failure))?;
        service_kit::fail_point!("mail.in_data");
        let sending = service_kit::fail_point_during!("mail.content_sent", smtp.message(&outgoing.content));
        let taken = expect_reply(limits.mail, &[250], sending).await;
        let taken = taken.map_err(|failure| (SmtpStep::Content, failure))?;
        service_kit::fail_point!("mail.accepted");
        Ok(Accepted { answer: scrub(&format!("250 {}", taken.first_line().unwrap_or_default())) })
    }

    /// Sends QUIT; the answer does not matter.
    pub(super) async fn quit(mut self, limit: Duration) {
        drop(tokio::time::timeout(limit, self.smtp.quit()).await);
    }
}
