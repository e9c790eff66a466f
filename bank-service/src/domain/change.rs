//! What live changes are: of which item, what happened, and who may see it.

use serde_json::Value;
use shared_events::UserId;

use super::scope::Scope;

/// What a client can listen to.
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
}

impl Channel {
    pub const ALL: [Self; 8] =
        [Self::Account, Self::Card, Self::Client, Self::Bank, Self::Branch, Self::City, Self::SocialStatus, Self::User];

    /// The entity of its events.
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
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == text)
    }

    /// Whether everybody may read its items.
    fn is_public(self) -> bool {
        matches!(self, Self::Bank | Self::Branch | Self::City | Self::SocialStatus)
    }
}

/// What happened to an item; the name of the server-sent event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Create,
    Update,
    Delete,
}

impl Verb {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A change of one item.
#[derive(Debug, Clone)]
pub struct Change {
    /// Where a stream goes on after it.
    pub position: i64,
    pub event_id: String,
    pub channel: Channel,
    pub verb: Verb,
    pub date: String,
    /// The public facts of the event.
    pub item: Value,
    /// None: not known any more, so that only staff may see it.
    pub owner: Option<UserId>,
}

/// Who listens.
#[derive(Debug, Clone, Copy)]
pub struct Viewer {
    pub user_id: UserId,
    pub scope: Scope,
    pub is_admin: bool,
}

impl Change {
    /// Users are for administrators, and everybody's own one.
    pub fn is_visible(&self, viewer: Viewer) -> bool {
        let own = self.owner == Some(viewer.user_id);
        match self.channel {
            channel if channel.is_public() => true,
            Channel::User => own || viewer.is_admin,
            _ => own || viewer.scope == Scope::All,
        }
    }
}

/// The channel and verb of an event type; none for what is no change of an item that people see.
pub fn kind_of(event_type: &str) -> Option<(Channel, Verb)> {
    let (entity, past) = event_type.split_once('.')?;
    let verb = match past {
        "created" | "imported" => Verb::Create,
        "updated" => Verb::Update,
        "deleted" => Verb::Delete,
        _ => return None,
    };
    Some((Channel::parse(entity)?, verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_of_items_are_changes() {
        assert_eq!(kind_of("account.created"), Some((Channel::Account, Verb::Create)));
        assert_eq!(kind_of("user.imported"), Some((Channel::User, Verb::Create)));
        for other in ["security.login_succeeded", "email.requested", "push.requested", "role.updated", "x", "card.sold"]
        {
            assert_eq!(kind_of(other), None, "{other}");
        }
    }
}
