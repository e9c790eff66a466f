//! Derives the steps of a journey from what was found out.

use service_kit::messaging::{DeadLetter, Progress, QueueProgress};
use service_kit::telemetry::trace::trace_id_of;
use shared_events::catalog::queues_of;
use shared_events::routing::{EMAIL_QUEUE, LOG_QUEUE};
use shared_events::{WireMessage, date};

use super::Found;
use super::answer::{
    ActionStep, DeadLetterStep, DeliveryState, DeliveryStep, Journey, LogStep, MailStep, PublishState, PublishStep,
};
use crate::domain::event_status::{MailAnswer, Route};
use crate::store::dead_letter_actions::{self, Action};
use crate::store::event_trace::TracedRow;
use crate::trace::{MailDelivery, at, mail_answer};

pub(super) fn journey(found: Found, route: Route, state: &'static str) -> Journey {
    Journey {
        trace_id: trace_id(&found.row),
        state,
        committed_at: at(found.row.created_at),
        published: published(&found.row),
        deliveries: queues_of(&found.row.event_type).map(|queue| delivery(&found, queue)).collect(),
        mail: mail(&found),
        log: log(&found, route),
        dead_letters: found.dead_letters.iter().flatten().map(dead_letter_step).collect(),
        actions: found.actions.iter().map(action).collect(),
        event_id: found.row.event_id,
        event_type: found.row.event_type,
    }
}

fn trace_id(row: &TracedRow) -> Option<String> {
    serde_json::from_str::<WireMessage>(&row.message).ok().and_then(|message| trace_id_of(&message))
}

pub(super) fn is_being_mailed(found: &Found) -> bool {
    mails_of(found).is_some_and(|mails| mails.iter().any(|mail| mail.state == "sending"))
}

fn published(row: &TracedRow) -> PublishStep {
    let state = match (row.sent_at, row.unrouted_at) {
        (Some(_), _) => PublishState::Published,
        (None, Some(_)) => PublishState::Unrouted,
        (None, None) => PublishState::Waiting,
    };
    PublishStep {
        state: state.as_str(),
        published_at: row.sent_at.map(at),
        // A fresh row is due at once; its due time carries no information.
        due_at: row.due_at.filter(|due| *due > row.created_at && row.unrouted_at.is_none()).map(at),
        waiting_for: row.waiting_for.clone(),
    }
}

fn delivery(found: &Found, queue: &str) -> DeliveryStep {
    let (state, attempts) = delivery_state(found, queue);
    DeliveryStep { queue: queue.to_owned(), state: state.as_str(), attempts }
}

/// The state with the failed attempts, where they are known.
fn delivery_state(found: &Found, queue: &str) -> (DeliveryState, Option<u32>) {
    let dead = found.dead_letters.iter().flatten().find(|dead_letter| dead_letter.queue == queue);
    if let Some(dead_letter) = dead {
        return (DeliveryState::Dead, Some(dead_letter.attempts));
    }
    let progress: Progress =
        found.row.progress.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    match progress.get(queue) {
        Some(QueueProgress::Done) => return (DeliveryState::Done, None),
        Some(QueueProgress::Pending { attempts, .. }) => return (DeliveryState::Waiting, Some(*attempts)),
        Some(QueueProgress::Dead) | None => {}
    }
    let is_done = match queue {
        LOG_QUEUE => found.logged.as_ref().ok().map(Option::is_some),
        EMAIL_QUEUE => found.receipt.as_ref().map(|_| true).or_else(|| all_mails_settled(found)),
        _ => None,
    };
    match (found.row.sent_at.is_some(), is_done) {
        (_, Some(true)) => (DeliveryState::Done, None),
        (true, Some(false)) if queue == EMAIL_QUEUE => mailing(found),
        // In process an event is marked sent only after every queue has finished it.
        (true, _) if found.in_process => (DeliveryState::Done, None),
        (true, Some(false)) => (DeliveryState::InFlight, None),
        (true, None) => (DeliveryState::Unknown, None),
        (false, _) if found.row.unrouted_at.is_some() => (DeliveryState::Unrouted, None),
        (false, _) => (DeliveryState::Waiting, None),
    }
}

/// None: nothing is known, or there is no mail to settle.
fn all_mails_settled(found: &Found) -> Option<bool> {
    let mails = mails_of(found).filter(|mails| !mails.is_empty())?;
    Some(mails.iter().all(|mail| !["sending", "failed"].contains(&mail.state.as_str())))
}

/// The state at email-service of an event with unsettled mails: a failed one is to be retried, if it is no dead letter.
fn mailing(found: &Found) -> (DeliveryState, Option<u32>) {
    let mails: &[MailDelivery] = mails_of(found).map(Vec::as_slice).unwrap_or_default();
    if mails.iter().any(|mail| mail.state == "sending") {
        return (DeliveryState::InFlight, None);
    }
    let failed = mails.iter().filter(|mail| mail.state == "failed");
    let attempts = failed.filter_map(|mail| u32::try_from(mail.attempts).ok()).max();
    let is_discarded = |action: &Action| action.action == dead_letter_actions::DISCARDED && action.queue == EMAIL_QUEUE;
    let state = match &found.dead_letters {
        None => DeliveryState::Unknown,
        Some(_) if found.actions.iter().any(is_discarded) => DeliveryState::Dead,
        Some(_) => DeliveryState::Waiting,
    };
    (state, attempts)
}

/// The mails by email-service's records; none if it could not be queried.
fn mails_of(found: &Found) -> Option<&Vec<MailDelivery>> {
    found.mails.as_ref().and_then(|mails| mails.as_ref().ok())
}

fn mail(found: &Found) -> MailStep {
    let mails = mails_of(found);
    let receipt = found.receipt.as_ref();
    let is_mailed = queues_of(&found.row.event_type).any(|queue| queue == EMAIL_QUEUE);
    let state = match (receipt.map(mail_answer), mails) {
        _ if !is_mailed => "none",
        (Some(MailAnswer::Sent), _) => "sent",
        (Some(MailAnswer::Rejected), _) => "rejected",
        (None, Some(mails)) if !mails.is_empty() => state_of(mails),
        (None, _) if found.row.sent_at.is_none() => "waiting",
        // An event type that the queue takes but that has no template leaves no record.
        (None, Some(_)) if Route::of(&found.row.event_type) == Route::Log => "none",
        (None, Some(_)) => "waiting",
        (None, None) => "unknown",
    };
    let first = mails.and_then(|mails| mails.first());
    MailStep {
        state,
        confirmed_at: receipt.map(|receipt| at(receipt.received_at)),
        message_id: receipt.and_then(|r| r.message_id.clone()).or_else(|| first.map(|mail| mail.message_id.clone())),
        reason: receipt.and_then(|receipt| receipt.reason.clone()),
        recipients: mails.cloned(),
    }
}

/// Of several mails the one that is furthest behind decides.
fn state_of(mails: &[MailDelivery]) -> &'static str {
    let behind = ["sending", "failed", "rejected"].into_iter();
    let mut found = behind.filter(|state| mails.iter().any(|mail| mail.state == *state));
    found.next().unwrap_or("sent")
}

fn log(found: &Found, route: Route) -> LogStep {
    let entry = found.logged.as_ref().ok().and_then(Option::as_ref);
    let state = match (&found.logged, entry) {
        _ if !route.ends_in_the_log() => "none",
        (_, Some(_)) => "logged",
        (Ok(_), None) if found.receipt.as_ref().map(mail_answer) == Some(MailAnswer::Rejected) => "none",
        (Ok(_), None) => "waiting",
        (Err(_), None) => "unknown",
    };
    let attempts = found.receipt.as_ref().filter(|_| route == Route::MailThenLog).map(|receipt| receipt.attempts);
    LogStep {
        state,
        id: entry.map(|entry| entry.id.clone()),
        logged_at: entry.map(|entry| entry.received_at.clone()),
        attempts,
    }
}

fn dead_letter_step(dead_letter: &DeadLetter) -> DeadLetterStep {
    DeadLetterStep {
        queue: dead_letter.queue.clone(),
        id: dead_letter.id().to_string(),
        reason: dead_letter.reason.clone(),
        attempts: dead_letter.attempts,
        died_at: date::zoned::format(&dead_letter.died_at),
    }
}

fn action(action: &Action) -> ActionStep {
    let Action { queue, action, user_id, acted_at, reason } = action.clone();
    ActionStep { queue, action, user_id, at: at(acted_at), reason }
}
