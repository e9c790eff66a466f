//! The journey of an event as steps in their order, each with the milliseconds since the one before.

use chrono::{DateTime, FixedOffset};
use serde::Serialize;

use crate::console::filters::{counted, moment};
use crate::trace::{DeadLetterStep, EventView, Journey};

/// A step of the journey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Hop {
    pub(super) name: String,
    /// In words: `done`, `waiting` and so on.
    pub(super) state: String,
    /// `ok`, `warn`, `bad` or `plain`: the colour, which says no more than `state`.
    pub(super) kind: &'static str,
    pub(super) at: Option<String>,
    /// Milliseconds since the last step whose time is known, by the clocks of the services.
    pub(super) after_ms: Option<i64>,
    /// Why it is in that state, or what was answered.
    pub(super) detail: Option<String>,
}

/// The steps: request, row, published, each queue, mailed, confirmed, logged, and each dead letter.
pub(super) fn hops(event: &EventView, journey: &Journey) -> Vec<Hop> {
    let mut hops = vec![request(event), committed(journey), published(journey)];
    hops.extend(journey.deliveries.iter().map(|delivery| {
        let attempts = delivery.attempts.map(|attempts| counted(attempts.into(), "failed attempt"));
        hop(&format!("Queue {}", delivery.queue), delivery.state, None, attempts)
    }));
    hops.extend(mail(journey));
    if journey.log.state != "none" {
        let attempts = journey.log.attempts.filter(|attempts| *attempts > 0);
        let detail =
            attempts.map(|attempts| format!("log-service was asked {} in vain", counted(attempts.into(), "time")));
        hops.push(hop("Logged", journey.log.state, journey.log.logged_at.clone(), detail));
    }
    hops.extend(journey.dead_letters.iter().map(dead_letter));
    with_durations(hops)
}

fn request(event: &EventView) -> Hop {
    match &event.correlation_id {
        Some(id) => hop("Request", "done", None, Some(id.clone())),
        None => hop("Request", "none", None, Some("a task of the service itself".to_owned())),
    }
}

fn committed(journey: &Journey) -> Hop {
    hop("Row in the outbox", "committed", Some(journey.committed_at.clone()), None)
}

fn published(journey: &Journey) -> Hop {
    let step = &journey.published;
    let waits = step.waiting_for.as_ref().map(|queue| format!("waits for the queue {queue}, which is paused"));
    let due = step.due_at.as_ref().map(|due| format!("next attempt at {}", moment(due)));
    hop("Published", step.state, step.published_at.clone(), waits.or(due))
}

/// The mail to each recipient, and the confirmation; none for an event that is not mailed.
fn mail(journey: &Journey) -> Vec<Hop> {
    let step = &journey.mail;
    if step.state == "none" {
        return Vec::new();
    }
    let recipients = step.recipients.iter().flatten().map(|mail| {
        let attempts = format!("to {}, {}", mail.recipient, counted(mail.attempts.into(), "attempt"));
        let detail = mail.answer.as_ref().map_or_else(|| attempts.clone(), |answer| format!("{attempts}: {answer}"));
        Hop { at: Some(mail.updated_at.clone()), ..hop("Mailed", &mail.state, None, Some(detail)) }
    });
    let mut hops: Vec<Hop> = recipients.collect();
    if hops.is_empty() {
        hops.push(hop("Mailed", step.state, None, step.reason.clone()));
    }
    let confirmed = if step.confirmed_at.is_some() { "confirmed" } else { "waiting" };
    hops.push(hop("Confirmed (ACK)", confirmed, step.confirmed_at.clone(), step.reason.clone()));
    hops
}

fn dead_letter(step: &DeadLetterStep) -> Hop {
    let detail = format!("after {}: {}", counted(step.attempts.into(), "attempt"), step.reason);
    hop(&format!("Dead letter of {}", step.queue), "dead", Some(step.died_at.clone()), Some(detail))
}

fn hop(name: &str, state: &str, at: Option<String>, detail: Option<String>) -> Hop {
    let kind = kind_of(state);
    Hop { name: name.to_owned(), state: state.replace('_', " "), kind, at, after_ms: None, detail }
}

/// The colour of a state of an event or of a step.
pub(super) fn kind_of(state: &str) -> &'static str {
    match state {
        "done" | "committed" | "published" | "sent" | "confirmed" | "logged" | "mailed" => "ok",
        "dead" | "rejected" | "failed" | "parked" | "unrouted" | "unaccounted" => "bad",
        "waiting" | "sending" | "in_flight" | "unknown" => "warn",
        _ => "plain",
    }
}

/// Times in whole seconds, as those of mails and dead letters, are shown without a duration.
fn with_durations(mut hops: Vec<Hop>) -> Vec<Hop> {
    let mut last: Option<DateTime<FixedOffset>> = None;
    for hop in &mut hops {
        let precise = hop.at.as_deref().filter(|at| at.contains('.'));
        let Some(time) = precise.and_then(|at| DateTime::parse_from_rfc3339(at).ok()) else { continue };
        hop.after_ms = last.map(|before| (time - before).num_milliseconds().max(0));
        last = Some(time);
    }
    hops
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_duration_is_counted_from_the_last_step_with_a_precise_time() {
        let at = |time: &str| hop("Step", "done", Some(time.to_owned()), None);
        let hops = with_durations(vec![
            at("2026-01-16T17:10:26.000000Z"),
            hop("Queue", "done", None, None),
            at("2026-01-16T17:10:26Z"),
            at("2026-01-16T17:10:26.250000Z"),
            at("2026-01-16T17:10:26.240000Z"),
        ]);
        let durations: Vec<_> = hops.iter().map(|hop| hop.after_ms).collect();
        assert_eq!(durations, [None, None, None, Some(250), Some(0)]);
    }

    #[test]
    fn every_state_of_an_event_has_a_colour_of_its_meaning() {
        for (state, kind) in [("logged", "ok"), ("parked", "bad"), ("in_flight", "warn"), ("untracked", "plain")] {
            assert_eq!(kind_of(state), kind, "{state}");
        }
        assert_eq!(hop("Step", "in_flight", None, None).state, "in flight");
    }
}
