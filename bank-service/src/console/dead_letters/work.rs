//! A chosen set of dead letters and an action, from its form to its page: first as a dry run, then with its results.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use service_kit::http::problem::{FieldErrors, Problem};
use service_kit::messaging::dead_letters::{ActionResult, DeadLetterAction, MAX_SELECTED, Selection};
use service_kit::messaging::{DeadLetter, DeadLetterAdmin};
use sha2::{Digest, Sha256};
use shared_events::EventId;

use crate::console::error::ConsoleError;
use crate::console::staff::Staff;
use crate::domain::policy::Action;
use crate::http::checked_queue;
use crate::trace::{DeadLetterError, MAX_REASON_CHARS, expected_result};

/// The most that one form names one by one; more are all of a queue.
const MAX_NAMED: usize = 100;
/// The most lines of a page about an action.
const MAX_LINES: usize = 100;

/// The variables of `dead_letter_dry_run.html`: before the action, or after one that some were kept of.
#[derive(Serialize)]
pub(super) struct WorkView {
    queue: String,
    action: &'static str,
    scope: String,
    ids: Vec<String>,
    digest: String,
    results: Vec<Line>,
    /// How many lines are left out.
    unlisted: usize,
    done: usize,
    is_done: bool,
    is_all: bool,
    most: usize,
    max_reason: usize,
}

#[derive(Serialize)]
struct Line {
    id: String,
    routing_key: String,
    reason: String,
    outcome: &'static str,
    kind: &'static str,
}

/// A checked choice.
pub(super) struct Work {
    queue: String,
    pub(super) action: DeadLetterAction,
    selection: Selection,
}

impl Work {
    /// Refuses what the user may not do, then what cannot be read.
    pub(super) fn read(
        staff: &Staff,
        queue: &str,
        action: &str,
        scope: &str,
        ids: &[String],
    ) -> Result<Self, ConsoleError> {
        let (action, needed) = match action {
            "replay" => (DeadLetterAction::Replay, Action::ReplayDeadLetters),
            "discard" => (DeadLetterAction::Discard, Action::DiscardDeadLetters),
            _ => return Err(fault("action", "must be replay or discard")),
        };
        staff.may(needed)?;
        let queue = queue_name(queue)?;
        let selection = match scope {
            "all" => Selection::After(None),
            "selected" if ids.is_empty() => return Err(fault("id", "choose one at least")),
            "selected" if ids.len() > MAX_NAMED => return Err(fault("id", "too many at once")),
            "selected" => Selection::These(ids.iter().map(|id| event_id(id)).collect::<Result<_, _>>()?),
            _ => return Err(fault("scope", "must be selected or all")),
        };
        Ok(Self { queue, action, selection })
    }

    /// The dead letters that exist, at most [`MAX_SELECTED`].
    pub(super) async fn peek(&self, admin: &dyn DeadLetterAdmin) -> Result<Vec<DeadLetter>, ConsoleError> {
        Ok(admin.peek(&self.queue, &self.selection).await.map_err(DeadLetterError::from)?)
    }

    pub(super) fn title(&self) -> &'static str {
        match self.action {
            DeadLetterAction::Replay => "Replay dead letters",
            DeadLetterAction::Discard => "Discard dead letters",
        }
    }

    /// The page before the action (without results) or after it.
    pub(super) fn view(
        &self,
        found: &[DeadLetter],
        results: &[(EventId, ActionResult)],
        now: DateTime<Utc>,
    ) -> WorkView {
        let is_done = !results.is_empty();
        let (lines, is_all): (Vec<Line>, bool) = match &self.selection {
            Selection::After(_) => (found.iter().map(|one| self.line(one, now)).collect(), true),
            Selection::These(ids) => {
                let missing = ids.iter().filter(|id| !found.iter().any(|one| one.id() == **id)).map(missing_line);
                (found.iter().map(|one| self.line(one, now)).chain(missing).collect(), false)
            }
        };
        let mut lines = if is_done { results.iter().map(result_line).collect() } else { lines };
        let unlisted = lines.len().saturating_sub(MAX_LINES);
        lines.truncate(MAX_LINES);
        let done = if is_done {
            results.iter().filter(|(_, result)| *result == ActionResult::Done).count()
        } else {
            found.iter().filter(|one| expected_result(self.action, one, now) == ActionResult::Done).count()
        };
        WorkView {
            queue: self.queue.clone(),
            action: match self.action {
                DeadLetterAction::Replay => "replay",
                DeadLetterAction::Discard => "discard",
            },
            scope: if is_all { "all" } else { "selected" }.to_owned(),
            ids: if is_all { Vec::new() } else { found.iter().map(|one| one.id().to_string()).collect() },
            digest: digest_of(found),
            done,
            results: lines,
            unlisted,
            is_done,
            is_all,
            most: MAX_SELECTED,
            max_reason: MAX_REASON_CHARS,
        }
    }

    fn line(&self, dead_letter: &DeadLetter, now: DateTime<Utc>) -> Line {
        let given_up = || dead_letter.reason.clone();
        let (outcome, kind, reason) = match (expected_result(self.action, dead_letter, now), self.action) {
            (ActionResult::Kept { reason }, _) => ("would be kept", "bad", reason),
            (_, DeadLetterAction::Replay) => ("would be replayed", "ok", given_up()),
            (_, DeadLetterAction::Discard) => ("would be discarded for good", "warn", given_up()),
        };
        Line {
            id: dead_letter.id().to_string(),
            routing_key: dead_letter.message.routing_key.clone(),
            reason,
            outcome,
            kind,
        }
    }
}

fn missing_line(id: &EventId) -> Line {
    let reason = "it was replayed or discarded meanwhile".to_owned();
    Line { id: id.to_string(), routing_key: String::new(), reason, outcome: "missing", kind: "plain" }
}

fn result_line((id, result): &(EventId, ActionResult)) -> Line {
    let (outcome, kind, reason) = match result {
        ActionResult::Done => ("done", "ok", String::new()),
        ActionResult::Missing => ("missing", "plain", "it was replayed or discarded meanwhile".to_owned()),
        ActionResult::Kept { reason } => ("kept", "bad", reason.clone()),
    };
    Line { id: id.to_string(), routing_key: String::new(), reason, outcome, kind }
}

/// Names a set of dead letters, so that the second step finds out whether it is the one that was shown.
pub(super) fn digest_of(found: &[DeadLetter]) -> String {
    let ids: BTreeSet<EventId> = found.iter().map(DeadLetter::id).collect();
    let mut hash = Sha256::new();
    for id in ids {
        hash.update(id.to_string());
    }
    hex::encode(hash.finalize())
}

pub(super) fn queue_name(text: &str) -> Result<String, ConsoleError> {
    checked_queue(text).map_err(|message| fault("queue", message))
}

pub(super) fn event_id(text: &str) -> Result<EventId, ConsoleError> {
    text.parse().map_err(|_| fault("id", "must be an event's id"))
}

pub(super) fn fault(field: &str, message: &str) -> ConsoleError {
    Problem::validation(FieldErrors::from([(field.to_owned(), vec![message.to_owned()])])).into()
}
