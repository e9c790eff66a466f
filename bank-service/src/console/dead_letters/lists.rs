//! Dead letters as the console lists them: in groups of one queue and reason, and one by one.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use service_kit::messaging::dead_letters::{MAX_SELECTED, Selection};
use service_kit::messaging::{DeadLetter, DeadLetterAdmin};
use shared_events::EventId;

use crate::trace::{DeadLetterError, DeadLetterView};

const PAGE_SIZE: usize = 25;
/// Event types that a group names.
const MAX_TYPES: usize = 5;
/// How much of a reason makes a group: the rest often differs by a number or a time.
const REASON_CHARS: usize = 120;

/// Dead letters of one queue that were given up for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Group {
    pub(super) queue: String,
    pub(super) reason: String,
    pub(super) count: usize,
    /// More than that: the queue has more dead letters than one read covers.
    pub(super) is_capped: bool,
    /// The first of their types.
    pub(super) event_types: Vec<String>,
    pub(super) newest: String,
}

/// Some dead letters of one queue.
#[derive(Serialize)]
pub(super) struct QueuePage {
    pub(super) queue: String,
    /// The reason that they were filtered by; empty for all.
    pub(super) reason: String,
    /// Whether it is the first page.
    pub(super) is_first: bool,
    pub(super) dead_letters: Vec<DeadLetterView>,
    /// The last one of this page, if there are more.
    pub(super) after: Option<String>,
}

/// All groups, those of the most dead letters first. Of each queue the first [`MAX_SELECTED`] are counted.
pub(super) async fn groups(admin: &dyn DeadLetterAdmin) -> Result<Vec<Group>, DeadLetterError> {
    let mut groups = Vec::new();
    for queue in admin.dead_letters().queues().await? {
        let found = admin.peek(&queue, &Selection::After(None)).await?;
        groups.extend(grouped(&queue, &found));
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    Ok(groups)
}

fn grouped(queue: &str, found: &[DeadLetter]) -> Vec<Group> {
    let mut by_reason: BTreeMap<String, Vec<&DeadLetter>> = BTreeMap::new();
    for dead_letter in found {
        by_reason.entry(shortened(&dead_letter.reason)).or_default().push(dead_letter);
    }
    let is_capped = found.len() >= MAX_SELECTED;
    let group = |(reason, members): (String, Vec<&DeadLetter>)| {
        let types: BTreeSet<&str> = members.iter().map(|member| member.message.routing_key.as_str()).collect();
        let newest = members.iter().map(|member| member.died_at).max();
        Group {
            queue: queue.to_owned(),
            reason,
            count: members.len(),
            is_capped,
            event_types: types.into_iter().take(MAX_TYPES).map(str::to_owned).collect(),
            newest: newest.map(|time| shared_events::date::zoned::format(&time)).unwrap_or_default(),
        }
    };
    by_reason.into_iter().map(group).collect()
}

/// The dead letters of a queue after one of them, with this reason if one is given.
pub(super) async fn queue_page(
    admin: &dyn DeadLetterAdmin,
    queue: String,
    reason: &str,
    after: Option<EventId>,
) -> Result<QueuePage, DeadLetterError> {
    let is_first = after.is_none();
    let found = admin.peek(&queue, &Selection::After(after)).await?;
    let is_wanted = |one: &&DeadLetter| reason.is_empty() || shortened(&one.reason) == reason;
    let wanted: Vec<&DeadLetter> = found.iter().filter(is_wanted).collect();
    let dead_letters: Vec<DeadLetterView> =
        wanted.iter().take(PAGE_SIZE).map(|dead_letter| DeadLetterView::new(dead_letter)).collect();
    // A full read may have more behind it, of which none may have been wanted so far.
    let last_read = found.last().filter(|_| found.len() >= MAX_SELECTED).map(|last| last.id().to_string());
    let last_shown = dead_letters.last().map(|last| last.id.clone());
    let after = if wanted.len() > PAGE_SIZE { last_shown } else { last_read };
    Ok(QueuePage { queue, reason: reason.to_owned(), is_first, dead_letters, after })
}

fn shortened(reason: &str) -> String {
    reason.chars().take(REASON_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use shared_events::WireMessage;

    use super::*;

    fn dead_letter(reason: &str, routing_key: &str) -> DeadLetter {
        let (properties, headers) = Default::default();
        let body = reason.as_bytes().to_vec();
        let message = WireMessage { routing_key: routing_key.to_owned(), properties, headers, body };
        let died_at = DateTime::from_timestamp(1_768_583_426, 0).unwrap();
        DeadLetter { queue: "q".to_owned(), reason: reason.to_owned(), attempts: 5, died_at, message }
    }

    #[test]
    fn dead_letters_of_one_reason_are_one_group() {
        let long = "x".repeat(200);
        let [one, two] = ["1", "2"].map(|end| format!("{long}{end}"));
        let reasons = ["away", "poison", "away", one.as_str(), two.as_str()];
        let found: Vec<DeadLetter> = reasons.iter().map(|reason| dead_letter(reason, "card.created")).collect();
        let groups = grouped("q", &found);
        let counts: Vec<(&str, usize)> = groups.iter().map(|group| (group.reason.as_str(), group.count)).collect();
        assert_eq!(counts, [("away", 2), ("poison", 1), (&long[..120], 2)]);
        assert_eq!((groups[0].event_types.as_slice(), groups[0].is_capped), (&["card.created".to_owned()][..], false));
    }
}
