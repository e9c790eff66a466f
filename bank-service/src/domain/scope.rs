//! The part of the items that a caller may act on.

use shared_events::UserId;

/// What part of the items a caller may act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    All,
    /// Only what belongs to this user.
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

    /// The answer where nothing was found within this scope.
    pub fn missing(self, what: &'static str) -> OutOfScope {
        OutOfScope { what, scope: self }
    }

    /// The one owner whose items are within the scope, if it is so limited.
    pub fn owner(self) -> Option<UserId> {
        match self {
            Self::All => None,
            Self::Own(user_id) => Some(user_id),
        }
    }
}

/// There is no such item within the scope: it does not exist, or it is somebody else's. Whoever may act on all items may
/// know which of the two; to anyone else they look the same.
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
