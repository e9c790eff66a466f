//! A live change: the item, what happened to it, and which callers may see it.

use serde_json::Value;
use shared_events::events::Verb;
use shared_events::{UserId, catalog};

use super::scope::Scope;

/// A kind of item that a client can subscribe to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    Account,
    Card,
    Client,
    Bank,
    Branch,
    City,
    SocialStatus,
    User,
    LoginMethod,
    SecondFactor,
    RecoveryCode,
}

impl Channel {
    pub const ALL: [Self; 11] = [
        Self::Account,
        Self::Card,
        Self::Client,
        Self::Bank,
        Self::Branch,
        Self::City,
        Self::SocialStatus,
        Self::User,
        Self::LoginMethod,
        Self::SecondFactor,
        Self::RecoveryCode,
    ];

    /// The channel's name; for items with their own rows, the entity of their events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Card => "card",
            Self::Client => "client",
            Self::Bank => "bank",
            Self::Branch => "branch",
            Self::City => "city",
            Self::SocialStatus => "social_status",
            Self::User => "user",
            Self::LoginMethod => "login_method",
            Self::SecondFactor => "second_factor",
            Self::RecoveryCode => "recovery_code",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == text)
    }

    /// Whether every caller may read its items.
    fn is_public(self) -> bool {
        matches!(self, Self::Bank | Self::Branch | Self::City | Self::SocialStatus)
    }
}

/// A change of one item.
#[derive(Debug, Clone)]
pub struct Change {
    /// The position from which a stream resumes after it.
    pub position: i64,
    pub event_id: String,
    pub channel: Channel,
    pub verb: Verb,
    pub date: String,
    /// The public facts of the event.
    pub item: Value,
    /// None: the owner is no longer known, so that only staff may see the change.
    pub owner: Option<UserId>,
}

/// The caller that receives a stream.
#[derive(Debug, Clone, Copy)]
pub struct Viewer {
    pub user_id: UserId,
    pub scope: Scope,
    pub is_admin: bool,
}

impl Change {
    /// Administrators see all users, every other caller only its own.
    pub fn is_visible(&self, viewer: Viewer) -> bool {
        let own = self.owner == Some(viewer.user_id);
        match self.channel {
            channel if channel.is_public() => true,
            Channel::User | Channel::LoginMethod | Channel::SecondFactor | Channel::RecoveryCode => {
                own || viewer.is_admin
            }
            _ => own || viewer.scope == Scope::All,
        }
    }
}

/// The fields of the event that a change shows: for the audit trail the user and the detail, not the address.
pub fn item_of(channel: Channel, facts: Value) -> Value {
    match (channel, facts) {
        (Channel::LoginMethod | Channel::SecondFactor | Channel::RecoveryCode, Value::Object(mut facts)) => {
            facts.retain(|name, _| matches!(name.as_str(), "user_id" | "detail"));
            Value::Object(facts)
        }
        (_, facts) => facts,
    }
}

/// The channel and verb of an event type; none if it is not a change of a visible item.
pub fn kind_of(event_type: &str) -> Option<(Channel, Verb)> {
    let (channel, verb) = catalog::find(event_type)?.handling.live?;
    Some((Channel::parse(channel)?, verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_of_items_are_changes() {
        assert_eq!(kind_of("account.created"), Some((Channel::Account, Verb::Create)));
        assert_eq!(kind_of("user.imported"), Some((Channel::User, Verb::Create)));
        assert_eq!(kind_of("security.social_linked"), Some((Channel::LoginMethod, Verb::Create)));
        for other in ["security.login_succeeded", "email.requested", "push.requested", "role.updated", "x", "card.sold"]
        {
            assert_eq!(kind_of(other), None, "{other}");
        }
    }

    #[test]
    fn each_live_event_has_a_channel_and_each_channel_an_event() {
        let live: Vec<&str> = catalog::all().filter_map(|spec| Some(spec.handling.live?.0)).collect();
        assert!(live.iter().all(|channel| Channel::parse(channel).is_some()), "{live:?}");
        assert!(Channel::ALL.iter().all(|channel| live.contains(&channel.as_str())), "{live:?}");
    }
}
