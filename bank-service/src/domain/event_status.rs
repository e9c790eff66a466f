//! The status of an event: `committed = logged + mailed + parked + in flight + unrouted`, decided from evidence.
//!
//! An event is unaccounted for if it was published, has reached none of its ends, is no dead letter, and has no other
//! explanation. That must never happen, so the alarm watches this status.

use shared_events::catalog;
use shared_events::routing::{EMAIL_QUEUE, LOG_QUEUE};

use super::named_states::named_states;

/// The path of the events of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Route {
    /// To the log.
    Log,
    /// Mailed first; logged once the mail server has accepted the mail, or never if it refuses.
    MailThenLog,
    /// Mailed and never logged.
    Mail,
    /// Handled by this service itself, which keeps no record of it.
    Untracked,
}

impl Route {
    /// The route of a type, with the default bindings of the services.
    pub fn of(event_type: &str) -> Self {
        match (catalog::is_confirmed(event_type), catalog::is_logged(event_type)) {
            (true, true) => Self::MailThenLog,
            (true, false) => Self::Mail,
            (false, true) => Self::Log,
            (false, false) => Self::Untracked,
        }
    }

    /// The queue of its events; none for untracked events.
    pub fn queue(self) -> Option<&'static str> {
        match self {
            Self::Log => Some(LOG_QUEUE),
            Self::MailThenLog | Self::Mail => Some(EMAIL_QUEUE),
            Self::Untracked => None,
        }
    }

    pub fn ends_in_the_log(self) -> bool {
        matches!(self, Self::Log | Self::MailThenLog)
    }
}

/// The confirmed result of an event's mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailAnswer {
    Sent,
    Rejected,
}

/// The known facts about an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each found out elsewhere")]
pub struct Evidence {
    /// Whether the transport has taken it.
    pub is_sent: bool,
    /// Whether no queue takes it.
    pub is_unrouted: bool,
    pub mail: Option<MailAnswer>,
    /// Whether its mail is confirmed, and the entry is still to be posted to log-service.
    pub is_posting: bool,
    /// None: log-service could not be queried.
    pub is_logged: Option<bool>,
    pub is_parked: bool,
    pub is_discarded: bool,
    /// Whether a temporary cause explains the delay: the event is young, its queue is busy, or a consumer is paused.
    pub is_explained: bool,
}

named_states! {
    pub enum EventStatus {
        /// Committed and not published yet.
        Waiting = "waiting",
        /// No queue takes it: kept, and retried periodically.
        Unrouted = "unrouted",
        InFlight = "in_flight",
        Logged = "logged",
        Mailed = "mailed",
        /// The mail server refused its mail for good, so it is not logged.
        Rejected = "rejected",
        /// A dead letter.
        Parked = "parked",
        /// A dead letter that an operator discarded.
        Discarded = "discarded",
        Unaccounted = "unaccounted",
        /// A peer that would have the evidence cannot be queried.
        Unknown = "unknown",
        Untracked = "untracked",
    }
}

impl EventStatus {
    /// Whether the status is final.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Logged | Self::Mailed | Self::Rejected | Self::Discarded)
    }
}

pub fn classify(route: Route, evidence: &Evidence) -> EventStatus {
    let Evidence { is_sent, mail, is_logged, .. } = *evidence;
    match (route, mail) {
        (Route::Log | Route::MailThenLog, _) if is_logged == Some(true) => EventStatus::Logged,
        (Route::MailThenLog | Route::Mail, Some(MailAnswer::Rejected)) => EventStatus::Rejected,
        (Route::Mail, Some(MailAnswer::Sent)) => EventStatus::Mailed,
        _ if evidence.is_parked => EventStatus::Parked,
        _ if evidence.is_discarded => EventStatus::Discarded,
        _ if !is_sent && evidence.is_unrouted => EventStatus::Unrouted,
        _ if !is_sent => EventStatus::Waiting,
        (Route::Untracked, _) => EventStatus::Untracked,
        _ if evidence.is_posting || evidence.is_explained => EventStatus::InFlight,
        (Route::Log | Route::MailThenLog, _) if is_logged.is_none() => EventStatus::Unknown,
        _ => EventStatus::Unaccounted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Evidence = Evidence {
        is_sent: true,
        is_unrouted: false,
        mail: None,
        is_posting: false,
        is_logged: Some(false),
        is_parked: false,
        is_discarded: false,
        is_explained: false,
    };

    #[test]
    fn each_type_has_its_route() {
        for (event_type, route) in [
            ("account.created", Route::Log),
            ("security.login_failed", Route::Log),
            ("bank.updated", Route::Log),
            ("bank.created", Route::MailThenLog),
            ("email.requested", Route::Mail),
            ("sms.requested", Route::Untracked),
        ] {
            assert_eq!(Route::of(event_type), route, "{event_type}");
        }
    }

    #[test]
    fn what_nothing_explains_is_unaccounted_for() {
        for route in [Route::Log, Route::MailThenLog, Route::Mail] {
            assert_eq!(classify(route, &SENT), EventStatus::Unaccounted, "{route:?}");
            assert_eq!(classify(route, &Evidence { is_explained: true, ..SENT }), EventStatus::InFlight);
            assert_eq!(classify(route, &Evidence { is_parked: true, is_explained: true, ..SENT }), EventStatus::Parked);
            assert_eq!(classify(route, &Evidence { is_discarded: true, ..SENT }), EventStatus::Discarded);
            assert_eq!(classify(route, &Evidence { is_sent: false, ..SENT }), EventStatus::Waiting);
            let unrouted = Evidence { is_sent: false, is_unrouted: true, ..SENT };
            assert_eq!(classify(route, &unrouted), EventStatus::Unrouted);
            assert_eq!(classify(route, &Evidence { is_sent: true, ..unrouted }), EventStatus::Unaccounted);
        }
        assert_eq!(classify(Route::Untracked, &SENT), EventStatus::Untracked);
    }

    #[test]
    fn an_event_is_unknown_and_not_unaccounted_while_the_log_cannot_be_queried() {
        assert_eq!(classify(Route::Log, &Evidence { is_logged: None, ..SENT }), EventStatus::Unknown);
        assert_eq!(classify(Route::Mail, &Evidence { is_logged: None, ..SENT }), EventStatus::Unaccounted);
    }

    #[test]
    fn a_mail_is_the_end_or_the_beginning() {
        let (sent, rejected) = (Some(MailAnswer::Sent), Some(MailAnswer::Rejected));
        assert_eq!(classify(Route::Mail, &Evidence { mail: sent, ..SENT }), EventStatus::Mailed);
        assert_eq!(classify(Route::Mail, &Evidence { mail: rejected, ..SENT }), EventStatus::Rejected);
        assert_eq!(classify(Route::MailThenLog, &Evidence { mail: rejected, ..SENT }), EventStatus::Rejected);
        assert_eq!(
            classify(Route::MailThenLog, &Evidence { mail: sent, is_posting: true, ..SENT }),
            EventStatus::InFlight
        );
        assert_eq!(classify(Route::MailThenLog, &Evidence { mail: sent, ..SENT }), EventStatus::Unaccounted);
        assert_eq!(
            classify(Route::MailThenLog, &Evidence { mail: sent, is_logged: Some(true), ..SENT }),
            EventStatus::Logged
        );
    }
}
