//! The scope of a caller: the items that it may act on.

use shared_events::UserId;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    All,
    /// Only the items of this user.
    Own(UserId),
}

impl Scope {
    /// Whether an item of this owner is within the scope.
    pub fn covers(self, owner: UserId) -> bool {
        match self {
            Self::All => true,
            Self::Own(user_id) => user_id == owner,
        }
    }

    /// The error for an item that was not found within this scope.
    pub fn missing(self, what: &'static str) -> OutOfScope {
        OutOfScope { what, scope: self }
    }

    /// The owner that the scope is limited to; none for all items.
    pub fn owner(self) -> Option<UserId> {
        match self {
            Self::All => None,
            Self::Own(user_id) => Some(user_id),
        }
    }
}

/// The item is not within the scope: it does not exist, or another user owns it. Only a caller with scope over all items may
/// learn which; all others get the same answer for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such {what} within the caller's scope")]
pub struct OutOfScope {
    pub what: &'static str,
    pub scope: Scope,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_covers_its_own_items_only() {
        let [one, two] = [1, 2].map(|id| UserId::try_new(id).unwrap());
        assert!(Scope::All.covers(one) && Scope::Own(one).covers(one));
        assert!(!Scope::Own(one).covers(two));
        assert_eq!((Scope::All.owner(), Scope::Own(two).owner()), (None, Some(two)));
    }
}
