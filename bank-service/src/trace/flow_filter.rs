//! Which events a list of the newest ones has, and what it shows of each.

use serde::Serialize;
use shared_events::catalog;

use crate::store::event_list::EventFilter;

/// Which events are read; the default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlowFilter {
    pub event_type: Option<String>,
    /// The part of the type before the dot.
    pub entity: Option<String>,
    /// The number of the entity.
    pub item_id: Option<i64>,
    /// One to 64 letters, digits, dots, hyphens or underscores, as the server takes them.
    pub request_id: Option<String>,
    /// Events before this row of the outbox only.
    pub before: Option<i64>,
}

/// An event in a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
pub struct FlowRow {
    /// The number of its row in the outbox.
    pub number: i64,
    pub event_id: String,
    pub event_type: String,
    /// The number of the entity, if it has one.
    pub item_id: Option<i64>,
    pub user_id: Option<i64>,
    pub request_id: Option<String>,
    /// One line for people.
    pub message: String,
    /// A status of `domain::event_status`.
    pub state: &'static str,
    /// It will not reach its end by itself.
    pub is_broken: bool,
    /// It should have reached its end by now.
    pub is_late: bool,
    pub committed_at: String,
    /// Milliseconds from the commit to each step that is done, by the clocks of the services.
    pub published_ms: Option<i64>,
    pub confirmed_ms: Option<i64>,
    pub logged_ms: Option<i64>,
}

impl FlowFilter {
    /// Whether a live event is one of these.
    pub fn takes(&self, row: &FlowRow) -> bool {
        let is = |wanted: Option<&str>, given: Option<&str>| wanted.is_none_or(|text| Some(text) == given);
        is(self.event_type.as_deref(), Some(&row.event_type))
            && is(self.entity.as_deref(), Some(entity_of(&row.event_type)))
            && is(self.request_id.as_deref(), row.request_id.as_deref())
            && self.item_id.is_none_or(|id| row.item_id == Some(id))
    }

    /// What the store reads for it; more than that may come, so the rows are compared again.
    pub(super) fn in_store(&self) -> EventFilter {
        let of_entity = |entity: &String| match types_of(entity) {
            // No event of ours: matches events of another release that are called like it.
            types if types.is_empty() => vec![entity.clone()],
            types => types,
        };
        let event_types = match (&self.event_type, &self.entity) {
            (Some(event_type), _) => vec![event_type.clone()],
            (None, Some(entity)) => of_entity(entity),
            (None, None) => Vec::new(),
        };
        let (request_id, item_id) = (self.request_id.clone(), self.item_id);
        EventFilter { event_types, request_id, item_id, before: self.before }
    }
}

/// The types of ours that begin with this entity.
fn types_of(entity: &str) -> Vec<String> {
    catalog::all().filter(|spec| spec.entity() == entity).map(|spec| spec.event_type.to_owned()).collect()
}

fn entity_of(event_type: &str) -> &str {
    event_type.split_once('.').map_or(event_type, |(entity, _)| entity)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(event_type: &str, item_id: Option<i64>, request_id: Option<&str>) -> FlowRow {
        FlowRow {
            event_type: event_type.to_owned(),
            item_id,
            request_id: request_id.map(str::to_owned),
            ..FlowRow::default()
        }
    }

    #[test]
    fn a_filter_takes_what_fits_all_of_its_parts() {
        let card = row("card.created", Some(12), Some("r-1"));
        let filter = |entity: &str, item_id, request_id: Option<&str>| FlowFilter {
            entity: Some(entity.to_owned()),
            item_id,
            request_id: request_id.map(str::to_owned),
            ..FlowFilter::default()
        };
        assert!(FlowFilter::default().takes(&card));
        assert!(filter("card", Some(12), Some("r-1")).takes(&card));
        for other in [filter("cards", None, None), filter("card", Some(1), None), filter("card", None, Some("r_1"))] {
            assert!(!other.takes(&card), "{other:?}");
        }
        assert!(!filter("card", Some(12), None).takes(&row("card.created", None, None)));
    }

    #[test]
    fn an_entity_stands_for_all_of_its_types() {
        let of = |entity: &str| FlowFilter { entity: Some(entity.to_owned()), ..FlowFilter::default() }.in_store();
        assert!(of("bank").event_types.contains(&"bank.created".to_owned()));
        assert_eq!(of("nonsense").event_types, ["nonsense"]);
        assert!(FlowFilter::default().in_store().event_types.is_empty());
    }
}
