//! The access rights: one declarative table, which the handlers and the tests share. Deny by default.

use service_kit::http::auth::Claims;
use shared_events::UserId;

use super::Visibility;

/// The right that a route requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// List, read one, stream, export.
    Read,
    /// `POST /api/logs`: services, and admins for a manual entry.
    Record,
    /// `POST /api/logs/lookup`.
    LookUp,
    /// `PUT` and `DELETE`.
    Change,
}

/// The kind of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Another service: it may write and nothing else, whatever further roles its token claims.
    Service,
    Admin,
    Manager,
    /// Any other role, for a user.
    User(UserId),
    /// A token of neither a service nor a user.
    Nobody,
}

impl Access {
    /// The roles are those that the user has now, not those that the token was made with.
    pub fn of(claims: &Claims) -> Self {
        if claims.is_service() {
            Self::Service
        } else if claims.is_admin() {
            Self::Admin
        } else if claims.is_staff() {
            Self::Manager
        } else {
            claims.user_id.and_then(|id| UserId::try_new(id).ok()).map_or(Self::Nobody, Self::User)
        }
    }

    pub fn may(self, right: Right) -> bool {
        match right {
            Right::Read => self.visibility().is_some(),
            Right::Record => matches!(self, Self::Service | Self::Admin),
            Right::LookUp => self == Self::Service,
            Right::Change => self == Self::Admin,
        }
    }

    /// The entries that the caller sees; `None` where reading is denied.
    pub fn visibility(self) -> Option<Visibility> {
        match self {
            Self::Admin | Self::Manager => Some(Visibility::Staff),
            Self::User(user) => Some(Visibility::Own(user)),
            Self::Service | Self::Nobody => None,
        }
    }
}
