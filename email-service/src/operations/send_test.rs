//! Sends a test mail on request of staff.

use service_kit::clock::SharedClock;
use service_kit::ids;
use shared_events::EventId;

use super::{MailJob, MailService};
use crate::domain::{Delivery, EmailAddress};
use crate::store::{Part, Selection, StoreError};
use crate::templates::{RenderError, Template, Templates, Values};

/// The event type in such a mail's record.
const EVENT_TYPE: &str = "email.test";

#[derive(Debug, Clone)]
pub struct TestMail {
    pub to: EmailAddress,
    /// Caller and idempotency key: a repeated pair sends once.
    pub key: Option<(String, String)>,
}

#[derive(Debug, thiserror::Error)]
pub enum TestError {
    #[error("the records cannot be reached")]
    Store(#[from] StoreError),
    #[error("the test mail cannot be written")]
    Render(#[from] RenderError),
    #[error("the idempotency key was used for another recipient")]
    KeyReused,
    /// With the mailer's answer, in one line without addresses.
    #[error("the mailer did not take the mail: {0}")]
    NotSent(String),
}

/// Sends, and returns the delivery once the mailer has given a final answer.
pub async fn send_test(
    mail_service: &MailService,
    templates: &Templates,
    clock: &SharedClock,
    mail: TestMail,
) -> Result<Delivery, TestError> {
    let event_id = event_id(mail.key.as_ref());
    if mail.key.is_some() && used_for_another(mail_service, event_id, &mail.to).await? {
        return Err(TestError::KeyReused);
    }
    let job = MailJob {
        event_id,
        event_type: EVENT_TYPE.to_owned(),
        date: clock.now(),
        content: templates.render(Template::Test, &Values::new())?,
        recipients: vec![mail.to],
    };
    let delivered = mail_service.deliver(&job).await?;
    if let Some(answer) = delivered.unsettled() {
        return Err(TestError::NotSent(answer));
    }
    delivered.deliveries.into_iter().next().ok_or_else(|| TestError::NotSent("nobody to send to".to_owned()))
}

fn event_id(key: Option<&(String, String)>) -> EventId {
    match key {
        Some((caller, key)) => EventId::from_content(EVENT_TYPE, format!("{caller}\0{key}").as_bytes()),
        None => ids::new_event_id(),
    }
}

async fn used_for_another(
    mail_service: &MailService,
    event_id: EventId,
    to: &EmailAddress,
) -> Result<bool, StoreError> {
    let selection = Selection { event_id: Some(event_id), ..Selection::default() };
    let found = mail_service.store.list(selection, Part::After { id: 0, size: 1 }).await?;
    Ok(found.deliveries.first().is_some_and(|delivery| !delivery.recipient.same_mailbox(to)))
}
