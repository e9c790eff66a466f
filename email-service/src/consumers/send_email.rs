//! The consumer of the events that are mailed.
//!
//! Done means: the mailer has given a final answer about every recipient, and the reply, if there is one, has been accepted.
//! The reply never goes out before the mail.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use service_kit::clock::SharedClock;
use service_kit::messaging::{Consumer, Delivery as Incoming, HandlerResult, decode_or_reject};
use shared_events::Envelope;
use shared_events::events::EmailReport;

use super::plan::{Plan, Recipients, plan};
use crate::confirmations::{Answer, ConfirmationError, Confirmations};
use crate::domain::{Delivery, EmailAddress, LinkBase, State};
use crate::metrics::EmailMetrics;
use crate::operations::{Delivered, MailJob, MailService};
use crate::templates::{Template, Templates, Values};

pub struct SendEmail {
    pub(crate) mail_service: Arc<MailService>,
    pub(crate) templates: Arc<Templates>,
    pub(crate) confirmations: Confirmations,
    pub(crate) recipients: Recipients,
    /// The required beginning of links in requested mails.
    pub(crate) links: Option<LinkBase>,
    pub(crate) metrics: EmailMetrics,
    pub(crate) clock: SharedClock,
}

#[async_trait]
impl Consumer for SendEmail {
    async fn handle(&self, deliveries: &[Incoming]) -> Vec<HandlerResult> {
        join_all(deliveries.iter().map(|delivery| self.handle_one(delivery))).await
    }

    async fn dependency(&self) -> Result<(), String> {
        self.mail_service.store.probe().await?;
        self.mail_service.record_late().await.map_err(|error| error.to_string())?;
        self.mail_service.mailer.probe().await?;
        self.confirmations.probe().await
    }
}

impl SendEmail {
    async fn handle_one(&self, incoming: &Incoming) -> HandlerResult {
        let envelope = match decode_or_reject(incoming) {
            Ok(envelope) => envelope,
            Err(outcome) => return outcome,
        };
        match plan(&envelope, &self.recipients, self.links.as_ref()) {
            Plan::Skip => {
                self.metrics.skip(envelope.event_type.as_str());
                HandlerResult::Skipped
            }
            Plan::Refuse { reason } => self.refuse(&envelope, reason).await,
            Plan::Send { .. } if incoming.message.expires_at().is_some_and(|end| end <= self.clock.now()) => {
                self.refuse(&envelope, "it expired before it could be sent".to_owned()).await
            }
            Plan::Send { template, values, recipients } => self.send(&envelope, template, &values, recipients).await,
        }
    }

    async fn send(
        &self,
        envelope: &Envelope,
        template: Template,
        values: &Values,
        recipients: Vec<EmailAddress>,
    ) -> HandlerResult {
        let content = match self.templates.render(template, values) {
            Ok(content) => content,
            Err(error) => return self.refuse(envelope, error.to_string()).await,
        };
        let job = MailJob {
            event_id: envelope.id,
            event_type: envelope.event_type.as_str().to_owned(),
            date: envelope.body.date,
            content,
            recipients,
        };
        match self.mail_service.deliver(&job).await {
            Ok(delivered) => match delivered.unsettled() {
                Some(reason) if delivered.tried_in_vain => HandlerResult::retry(reason),
                Some(reason) => HandlerResult::later(reason),
                None => self.report(envelope, &delivered).await,
            },
            Err(error) if error.is_outage() => HandlerResult::later(error.to_string()),
            Err(error) => HandlerResult::retry(error.to_string()),
        }
    }

    /// All recipients are settled: replies `email.sent` if any of them got the mail, else `email.rejected`.
    async fn report(&self, envelope: &Envelope, delivered: &Delivered) -> HandlerResult {
        let mut settled: Vec<&Delivery> = delivered.in_state(State::Sent).collect();
        let anybody = !settled.is_empty();
        if !anybody {
            settled = delivered.in_state(State::Rejected).collect();
        }
        let date = settled.iter().map(|delivery| delivery.updated_at).max().unwrap_or(envelope.body.date);
        let report = EmailReport {
            recipients: settled.iter().map(|delivery| delivery.recipient.masked()).collect(),
            message_id: settled.first().filter(|_| anybody).map(|delivery| delivery.message_id.to_string()),
            reason: settled.first().filter(|_| !anybody).and_then(|delivery| delivery.answer.clone()),
            ..blank_report(envelope)
        };
        let answer = if anybody { Answer::Sent(report) } else { Answer::Rejected(report) };
        match self.confirmations.send(envelope, answer, date).await {
            Ok(()) => {
                service_kit::fail_point!("reply.published", if envelope.reply_to.is_some());
                HandlerResult::Done
            }
            Err(error) => unanswered(&error),
        }
    }

    /// The mail can never be sent: replies `email.rejected`, then rejects the event.
    async fn refuse(&self, envelope: &Envelope, reason: String) -> HandlerResult {
        let event_type = envelope.event_type.as_str();
        self.metrics.count(event_type, "refused");
        tracing::warn!(event_id = %envelope.id, event_type, reason, "mail refused");
        let report = EmailReport { reason: Some(reason.clone()), ..blank_report(envelope) };
        // The event's own date: the same refusal given twice is the same message.
        match self.confirmations.send(envelope, Answer::Rejected(report), envelope.body.date).await {
            Ok(()) => HandlerResult::reject(reason),
            Err(error) => unanswered(&error),
        }
    }
}

/// An unavailable callback queue says nothing about the mail.
fn unanswered(error: &ConfirmationError) -> HandlerResult {
    match error {
        ConfirmationError::QueueUnavailable(_) => HandlerResult::later(error.to_string()),
        ConfirmationError::NotAccepted(_) | ConfirmationError::Encode(_) => HandlerResult::retry(error.to_string()),
    }
}

fn blank_report(envelope: &Envelope) -> EmailReport {
    EmailReport {
        event_id: envelope.id,
        event_type: envelope.event_type.as_str().to_owned(),
        recipients: Vec::new(),
        message_id: None,
        reason: None,
    }
}
