//! A live change: the items, what happened to them, and which callers may see them.

use std::borrow::Cow;

use serde::Deserialize as _;
use serde_json::{Value, json};
use shared_events::events::{Transfer, TransferSide, Verb};
use shared_events::{UserId, catalog, sides};

use super::scope::Scope;

/// A kind of item that a client can subscribe to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    Account,
    Card,
    Transfer,
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
    pub const ALL: [Self; 12] = [
        Self::Account,
        Self::Card,
        Self::Transfer,
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
            Self::Transfer => "transfer",
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

/// The changes of one event.
#[derive(Debug, Clone)]
pub struct Change {
    /// The position from which a stream resumes after all of it.
    pub position: i64,
    pub event_id: String,
    pub date: String,
    pub items: Vec<ItemChange>,
}

/// A change of one item.
#[derive(Debug, Clone)]
pub struct ItemChange {
    pub channel: Channel,
    pub verb: Verb,
    /// The public facts of the event.
    pub item: Value,
    /// Without an owner, or while none is known any more, only staff may see the change.
    pub owners: Vec<UserId>,
}

/// The caller that receives a stream.
#[derive(Debug, Clone, Copy)]
pub struct Viewer {
    pub user_id: UserId,
    pub scope: Scope,
    pub is_admin: bool,
}

impl ItemChange {
    /// The item as a caller may see it; none if it may not. Administrators see all users, every other caller only its own; of a
    /// transfer its own half.
    pub fn shown_to(&self, viewer: Viewer) -> Option<Cow<'_, Value>> {
        let sees_all = match self.channel {
            channel if channel.is_public() => true,
            Channel::User | Channel::LoginMethod | Channel::SecondFactor | Channel::RecoveryCode => viewer.is_admin,
            _ => viewer.scope == Scope::All,
        };
        if sees_all {
            return Some(Cow::Borrowed(&self.item));
        }
        self.owners.contains(&viewer.user_id).then(|| match self.channel {
            Channel::Transfer => Cow::Owned(sides::shown_to(&self.item, Some(viewer.user_id))),
            _ => Cow::Borrowed(&self.item),
        })
    }
}

/// The changes of items that an event is; none if it is about no visible item. A transfer also changes the balances of its sides.
pub fn items_of(event_type: &str, facts: Value) -> Vec<ItemChange> {
    let Some((channel, verb)) = kind_of(event_type) else { return Vec::new() };
    if channel != Channel::Transfer {
        return vec![ItemChange { channel, verb, item: item_of(channel, facts), owners: Vec::new() }];
    }
    let transfer = Transfer::deserialize(&facts).ok();
    let balances = transfer.iter().flat_map(|transfer| [&transfer.from, &transfer.to]).filter_map(balance_of);
    let owners = sides::owners(&facts);
    let transfer = ItemChange { channel, verb, item: with_zones(facts), owners };
    [transfer].into_iter().chain(balances).collect()
}

/// The facts of a transfer as they are over HTTP: its times have their zone, which those in an event have not.
fn with_zones(mut facts: Value) -> Value {
    for name in ["posted_at", "expires_at"] {
        if let Some(Value::String(time)) = facts.get_mut(name)
            && let Some(date) = shared_events::date::parse(time)
        {
            *time = shared_events::date::zoned::format(&date);
        }
    }
    facts
}

/// The balance of an account or a card after a transfer; none for a bank's own side.
fn balance_of(side: &TransferSide) -> Option<ItemChange> {
    let (channel, id) = match (side.account_id, side.card_id) {
        (Some(id), _) => (Channel::Account, i64::from(id)),
        (None, Some(id)) => (Channel::Card, i64::from(id)),
        (None, None) => return None,
    };
    let item = json!({"id": id, "balance": side.balance_after, "held": side.held_after, "seq": side.seq});
    Some(ItemChange { channel, verb: Verb::Update, item, owners: Vec::new() })
}

/// The fields of the event that a change shows: for the audit trail the user and the detail, not the address.
fn item_of(channel: Channel, facts: Value) -> Value {
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
    use shared_events::events::{Event as _, TransferPosted};

    use super::*;

    fn viewer(user: i64, is_staff: bool) -> Viewer {
        let user_id = UserId::try_new(user).unwrap();
        let scope = if is_staff { Scope::All } else { Scope::Own(user_id) };
        Viewer { user_id, scope, is_admin: is_staff }
    }

    #[test]
    fn only_changes_of_items_are_changes() {
        assert_eq!(kind_of("account.created"), Some((Channel::Account, Verb::Create)));
        assert_eq!(kind_of("user.imported"), Some((Channel::User, Verb::Create)));
        assert_eq!(kind_of("security.social_linked"), Some((Channel::LoginMethod, Verb::Create)));
        assert_eq!(kind_of("transfer.expired"), Some((Channel::Transfer, Verb::Update)));
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

    #[test]
    fn a_transfer_changes_the_balances_of_accounts_and_cards() {
        let mut facts = serde_json::to_value(TransferPosted::example()).unwrap();
        let items = items_of("transfer.posted", facts.clone());
        let balances: Vec<(Channel, &Value)> = items.iter().skip(1).map(|item| (item.channel, &item.item)).collect();
        let (from, to) = (
            json!({"id": 1, "balance": 420, "held": 0, "seq": 2}),
            json!({"id": 2, "balance": 100, "held": 0, "seq": 2}),
        );
        assert_eq!(balances, [(Channel::Account, &from), (Channel::Account, &to)]);
        assert!(items.iter().skip(1).all(|item| item.verb == Verb::Update), "{items:?}");

        let figures = json!({"user_id": null, "balance_after": -5, "held_after": 0, "seq": 9});
        (facts["from"], facts["to"]) = (figures.clone(), figures);
        (facts["from"]["bank_id"], facts["from"]["system"]) = (json!(1), json!("cash"));
        facts["to"]["card_id"] = json!(7);
        let items = items_of("transfer.posted", facts);
        let channels: Vec<Channel> = items.iter().map(|item| item.channel).collect();
        assert_eq!(channels, [Channel::Transfer, Channel::Card]);
    }

    #[test]
    fn a_transfer_is_shown_whole_to_staff_and_by_half_to_each_owner() {
        let mut facts = serde_json::to_value(TransferPosted::example()).unwrap();
        let items = items_of("transfer.posted", facts.clone());
        assert_eq!(facts["posted_at"], "2025-01-16T17:10:26", "in an event times have no zone, over HTTP they have");
        facts["posted_at"] = json!("2025-01-16T17:10:26Z");
        let shown = |viewer| items[0].shown_to(viewer).map(Cow::into_owned);
        assert_eq!(shown(viewer(1, true)), Some(facts.clone()), "also where a side is its own");
        for (user, own, other) in [(1, "from", "to"), (2, "to", "from")] {
            let half = shown(viewer(user, false)).unwrap();
            assert_eq!(half[own], facts[own]);
            assert_eq!(half[other], json!({"account_id": facts[other]["account_id"]}));
        }
        assert_eq!(shown(viewer(3, false)), None);
    }
}
