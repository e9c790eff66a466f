//! Sends the mails of one event, once each.
//!
//! For every recipient: the record becomes `sending`, the mailer is called, its answer is recorded. A recipient with a final
//! record is skipped, however often the event is delivered. A crash between the mailer's acceptance and the record is the one
//! case in which a mail is sent again: under the same Message-ID, and counted as `repeated`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use service_kit::clock::SharedClock;
use shared_events::EventId;

use super::locks::EventLocks;
use super::unrecorded_results::UnrecordedResults;
use crate::domain::{Content, Delivery, EmailAddress, Mail, Sender, State, clip, single_line};
use crate::mailer::{Accepted, Mailer, SendError};
use crate::metrics::EmailMetrics;
use crate::store::{Begun, DeliveryStore, Planned, Settled, StoreError};

const MAX_ANSWER_CHARS: usize = 500;
/// After this no further mail of the event is begun. With one more mail (25 s) it stays below the consumer's time limit, which
/// is below the store's lease.
const BUDGET: Duration = Duration::from_secs(30);

/// The outcome of a mail that the mailer accepts.
const SENT: &str = "sent";
/// The outcome of a mail that the mailer may accept later.
const FAILED: &str = "failed";

/// The settings that all mails share.
#[derive(Debug, Clone)]
pub struct SendSettings {
    pub from: Sender,
    pub message_id_domain: String,
}

/// One event's mail, for each of its recipients.
#[derive(Debug, Clone)]
pub struct MailJob {
    pub event_id: EventId,
    pub event_type: String,
    pub date: DateTime<Utc>,
    pub content: Content,
    pub recipients: Vec<EmailAddress>,
}

/// The progress of an event's mails.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// In the order of the recipients.
    pub deliveries: Vec<Delivery>,
    /// Whether the mailer was called for one of them and may accept it later: that spends an attempt.
    pub tried_in_vain: bool,
}

impl Delivered {
    /// The mailer's answer for a recipient that is not settled; none if all are.
    pub fn unsettled(&self) -> Option<String> {
        let open = self.deliveries.iter().find(|delivery| !delivery.state.is_final())?;
        Some(open.answer.clone().unwrap_or_else(|| "not sent yet".to_owned()))
    }

    pub fn in_state(&self, state: State) -> impl Iterator<Item = &Delivery> {
        self.deliveries.iter().filter(move |delivery| delivery.state == state)
    }
}

/// The mailer, with the records that keep it from sending twice.
pub struct MailService {
    pub(crate) mailer: Arc<dyn Mailer>,
    pub(crate) store: Arc<dyn DeliveryStore>,
    settings: SendSettings,
    clock: SharedClock,
    metrics: EmailMetrics,
    locks: EventLocks,
    unrecorded: UnrecordedResults,
}

impl MailService {
    pub fn new(
        mailer: Arc<dyn Mailer>,
        store: Arc<dyn DeliveryStore>,
        settings: SendSettings,
        clock: SharedClock,
        metrics: EmailMetrics,
    ) -> Self {
        Self {
            mailer,
            store,
            settings,
            clock,
            metrics,
            locks: EventLocks::default(),
            unrecorded: UnrecordedResults::default(),
        }
    }

    /// Sends the mails that are not sent yet. An error means that the records cannot be reached; sent mails may then be
    /// unrecorded, and sending again is safe.
    pub async fn deliver(&self, job: &MailJob) -> Result<Delivered, StoreError> {
        let _lock = self.locks.lock(job.event_id).await;
        let planned = Planned {
            event_id: job.event_id,
            event_type: job.event_type.clone(),
            recipients: job.recipients.clone(),
            message_id_domain: self.settings.message_id_domain.clone(),
        };
        service_kit::fail_point!("mail.delivered");
        let started = Instant::now();
        let begun = self.store.begin(planned, self.clock.now()).await?;
        let mut deliveries = Vec::with_capacity(begun.len());
        let (mut outage, mut tried_in_vain) = (None, false);
        for one in begun {
            if outage.is_none() && started.elapsed() > BUDGET {
                outage = Some("not asked yet: other recipients took too long".to_owned());
            }
            deliveries.push(match one {
                Begun::ToSend(delivery) => {
                    let (delivery, outcome) = self.attempt(job, &delivery, &mut outage).await?;
                    tried_in_vain |= outcome == FAILED;
                    delivery
                }
                Begun::Settled(delivery) => {
                    self.metrics.count(&job.event_type, "duplicate");
                    delivery
                }
                Begun::Elsewhere(delivery) => {
                    self.metrics.count(&job.event_type, "elsewhere");
                    Delivery { answer: Some("another replica is sending it".to_owned()), ..delivery }
                }
            });
        }
        Ok(Delivered { deliveries, tried_in_vain })
    }

    /// Records the answers that could not be recorded before.
    pub(crate) async fn record_late(&self) -> Result<(), StoreError> {
        for settled in self.unrecorded.all() {
            let id = settled.id;
            self.store.settle(settled, self.clock.now()).await?;
            self.unrecorded.forget(id);
        }
        Ok(())
    }

    /// One mail. Once the mailer is known to be unavailable, it is not called for the remaining ones.
    async fn attempt(
        &self,
        job: &MailJob,
        delivery: &Delivery,
        outage: &mut Option<String>,
    ) -> Result<(Delivery, &'static str), StoreError> {
        let (settled, outcome) = match self.unrecorded.find(delivery.id) {
            Some(settled) => (settled, "recorded_late"),
            None => settled(delivery, self.send_unless_outage(job, delivery, outage).await),
        };
        self.unrecorded.keep(&settled);
        let id = settled.id;
        let delivery = self.store.settle(settled, self.clock.now()).await?;
        self.unrecorded.forget(id);
        service_kit::fail_point!("mail.recorded", if outcome == SENT);
        self.metrics.count(&job.event_type, outcome);
        if outcome == SENT {
            self.metrics.mailed(&job.event_type, job.event_id.occurred_at(job.date), self.clock.now());
        }
        log(&delivery, outcome);
        Ok((delivery, outcome))
    }

    async fn send_unless_outage(
        &self,
        job: &MailJob,
        delivery: &Delivery,
        outage: &mut Option<String>,
    ) -> Result<Accepted, SendError> {
        let answer = match outage {
            Some(reason) => Err(SendError::Unavailable(reason.clone())),
            None => self.send(job, delivery).await,
        };
        if let Err(SendError::Unavailable(reason)) = &answer {
            *outage = Some(reason.clone());
        }
        answer
    }

    async fn send(&self, job: &MailJob, delivery: &Delivery) -> Result<Accepted, SendError> {
        let mail = Mail {
            message_id: delivery.message_id.clone(),
            from: self.settings.from.clone(),
            to: delivery.recipient.clone(),
            date: job.date,
            content: job.content.clone(),
        };
        service_kit::fail_point!("mail.claimed");
        let started = Instant::now();
        let answer = self.mailer.send(&mail).await;
        self.metrics.observe(started.elapsed());
        answer
    }
}

fn settled(delivery: &Delivery, answer: Result<Accepted, SendError>) -> (Settled, &'static str) {
    let (state, answer, counts, outcome) = match answer {
        Ok(accepted) => (State::Sent, accepted.answer, true, SENT),
        Err(SendError::Permanent(reason)) => (State::Rejected, reason, true, "rejected"),
        Err(SendError::Transient(reason)) => (State::Failed, reason, true, FAILED),
        Err(SendError::Unavailable(reason) | SendError::Unanswered(reason)) => {
            (State::Failed, reason, false, "unavailable")
        }
    };
    let answer = clip(&single_line(&answer), MAX_ANSWER_CHARS);
    (Settled { id: delivery.id, state, answer, counts }, outcome)
}

fn log(delivery: &Delivery, outcome: &'static str) {
    let Delivery { event_id, event_type, recipient, message_id, attempts, .. } = delivery;
    let answer = delivery.answer.as_deref().unwrap_or_default();
    match delivery.state {
        State::Sent => tracing::info!(%event_id, event_type, %recipient, %message_id, attempts, outcome, "mail sent"),
        State::Sending | State::Rejected | State::Failed => {
            tracing::warn!(%event_id, event_type, %recipient, %message_id, attempts, outcome, answer, "mail not sent");
        }
    }
}
