//! The list of all events, and what follows from it: confirmations, secrets, queues and their bindings.
//!
//! A type that is not one of ours may be that of another release, or of a publisher in another language.

use crate::events::{ALL, Destination, EventSpec};
use crate::routing::{ACK_QUEUE, EMAIL_QUEUE, LOG_QUEUE, Pattern, QUEUES};

/// Every event there is, in the order of the documents.
pub fn all() -> impl Iterator<Item = &'static EventSpec> {
    ALL.iter().copied().flatten()
}

/// None if the type is not one of ours.
pub fn find(event_type: &str) -> Option<&'static EventSpec> {
    all().find(|spec| spec.event_type == event_type)
}

/// The type as the value of a metric's label; `other` if it is not one of ours, so that publishers add no values.
pub fn label(event_type: &str) -> &'static str {
    find(event_type).map_or("other", |spec| spec.event_type)
}

/// Whether events of a type ask their consumer for a confirmation on the reply queue.
pub fn is_confirmed(event_type: &str) -> bool {
    find(event_type).is_some_and(EventSpec::is_confirmed)
}

/// Whether events of a type end in the log, with the default bindings.
pub fn is_logged(event_type: &str) -> bool {
    find(event_type).map_or_else(|| is_bound(LOG_QUEUE, event_type), EventSpec::is_logged)
}

/// Whether events of a type are never logged or shown whole: those of any entity that has such an event, in any spelling.
pub fn is_private(event_type: &str) -> bool {
    let entity = event_type.split('.').next().unwrap_or_default();
    all().any(|spec| !spec.is_public() && spec.entity().eq_ignore_ascii_case(entity))
}

/// Whether operators see this field of private events, which means the same in all of them.
pub fn is_shown(field: &str) -> bool {
    all().any(|spec| spec.shown().contains(&field))
}

/// The bindings of a queue, unless an operator chooses others.
pub fn bindings(queue: &str) -> Vec<Pattern> {
    match queue {
        LOG_QUEUE => log_bindings(),
        EMAIL_QUEUE => {
            let created = Pattern::new("*.created");
            let others = all().filter(|spec| spec.is_mailed() && !created.matches(spec.event_type));
            [created.clone()].into_iter().chain(others.map(|spec| Pattern::new(spec.event_type))).collect()
        }
        _ => required_bindings(queue),
    }
}

/// The bindings that no operator can leave out: the audit record is complete, and a request has one queue only.
pub fn required_bindings(queue: &str) -> Vec<Pattern> {
    if queue == LOG_QUEUE {
        return ["log.*", "security.*"].map(Pattern::new).to_vec();
    }
    let is_for = |spec: &&EventSpec| match spec.handling.destination {
        Destination::Mail => queue == EMAIL_QUEUE,
        Destination::Own(own) => queue == own,
        Destination::Log | Destination::LogAndMail | Destination::MailThenLog | Destination::Reply => false,
    };
    all().filter(is_for).map(|spec| Pattern::new(spec.event_type)).collect()
}

/// The entities of which every event goes to the log, the single events of others, and the log's own records, by entity.
fn log_bindings() -> Vec<Pattern> {
    let is_whole = |entity: &str| all().filter(|spec| spec.entity() == entity).all(EventSpec::is_sent_to_log);
    let ours = all().filter(|spec| spec.is_sent_to_log()).map(|spec| {
        let entity = spec.entity();
        (entity, if is_whole(entity) { format!("{entity}.*") } else { spec.event_type.to_owned() })
    });
    let mut keys: Vec<(&str, String)> = ours.chain([("log", "log.*".to_owned())]).collect();
    keys.sort_by_key(|(entity, _)| *entity);
    keys.dedup();
    keys.iter().map(|(_, key)| Pattern::new(key)).collect()
}

fn is_bound(queue: &str, event_type: &str) -> bool {
    bindings(queue).iter().any(|pattern| pattern.matches(event_type))
}

/// The queues that the exchange puts events of a type into, with the default bindings.
pub fn queues_of(event_type: &str) -> impl Iterator<Item = &'static str> {
    QUEUES.into_iter().filter(move |queue| is_bound(queue, event_type))
}

impl EventSpec {
    /// The services that listen, with the default bindings, by name. A queue's name begins with that of its service.
    pub fn listeners(&self) -> Vec<&'static str> {
        let reply = self.is_reply().then_some(ACK_QUEUE);
        let queues = queues_of(self.event_type).chain(reply);
        let mut services: Vec<&str> = queues.filter_map(|queue| queue.split('.').next()).collect();
        services.sort_unstable();
        services
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::{EventType, SMS_QUEUE};

    #[test]
    fn every_event_has_a_type_of_its_own_that_parses_and_a_listener() {
        let mut seen = std::collections::BTreeSet::new();
        for spec in all() {
            let event_type: EventType = spec.event_type.parse().unwrap();
            assert!(seen.insert(spec.event_type), "{event_type} is there twice");
            assert!(!spec.listeners().is_empty(), "{event_type}");
        }
    }

    #[test]
    fn what_is_logged_is_public_and_the_log_binds_nothing_else() {
        for spec in all() {
            assert_eq!(spec.is_logged(), !is_private(spec.event_type), "{}", spec.event_type);
            assert_eq!(is_bound(LOG_QUEUE, spec.event_type), spec.is_sent_to_log(), "{}", spec.event_type);
        }
        assert!(is_logged("card.unknown") && is_logged("log.updated"));
        assert!(!is_logged("bank.unknown") && !is_logged("email.unknown"));
    }

    #[test]
    fn bank_created_is_never_logged_before_its_mail_was_accepted() {
        let listeners = |kind: &str| find(kind).unwrap().listeners();
        assert_eq!(listeners("bank.created"), ["email-service"]);
        assert_eq!(listeners("email.requested"), ["email-service"]);
        assert_eq!(listeners("account.created"), ["email-service", "log-service"]);
        assert_eq!(listeners("card.deleted"), ["log-service"]);
        assert_eq!(listeners("transfer.posted"), ["log-service"]);
        assert_eq!(listeners("email.sent"), ["bank-service"]);
    }

    #[test]
    fn a_queue_always_has_the_requests_that_no_other_takes() {
        let required = |queue| required_bindings(queue).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(required(EMAIL_QUEUE), ["email.requested"]);
        assert_eq!(required(SMS_QUEUE), ["sms.requested"]);
        assert!(QUEUES.iter().all(|queue| required_bindings(queue).iter().all(|one| bindings(queue).contains(one))));
        assert!(bindings(ACK_QUEUE).is_empty());
    }

    #[test]
    fn a_private_event_is_known_by_its_entity_in_any_spelling() {
        for private in ["email.sent", "email.unknown", "EMAIL.requested", "sms.requested", "push.requested", "push"] {
            assert!(is_private(private), "{private}");
        }
        assert!(!is_private("card.created") && !is_private("emails.sent") && !is_private(""));
    }
}
