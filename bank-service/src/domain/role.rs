//! Roles. Three always exist; more can be added.

use serde::Serialize;
use shared_events::RoleId;
use shared_events::events;

pub const USER: &str = "user";
pub const MANAGER: &str = "manager";
pub const ADMIN: &str = "admin";
/// Roles that rules refer to: seeded, neither renamed nor deleted.
pub const BUILT_IN: [&str; 3] = [USER, MANAGER, ADMIN];
/// The role of the services' own tokens; no user may have it.
pub const SERVICE: &str = "service";
/// Whether these roles make a member of staff: a manager or an administrator.
pub fn is_staff(roles: &[String]) -> bool {
    roles.iter().any(|role| role == ADMIN || role == MANAGER)
}

/// How many roles a user may have: the access token carries them, and has to stay below 4 KiB.
pub const MAX_PER_USER: usize = 10;
pub const MAX_CHARS: usize = 30;

/// A role's name: a lower-case word, as it stands in tokens and rules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RoleName(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleNameError {
    #[error("must be 1–{MAX_CHARS} lower-case letters, digits, hyphens or underscores, beginning with a letter")]
    Shape,
    #[error("is reserved")]
    Reserved,
}

impl RoleName {
    pub fn parse(text: &str) -> Result<Self, RoleNameError> {
        let text = text.trim();
        let shape = (1..=MAX_CHARS).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        match text {
            _ if !shape => Err(RoleNameError::Shape),
            SERVICE => Err(RoleNameError::Reserved),
            _ => Ok(Self(text.to_owned())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_built_in(&self) -> bool {
        BUILT_IN.contains(&self.as_str())
    }
}

/// The names of some roles, each once.
pub fn distinct_names(roles: Vec<RoleName>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for RoleName(name) in roles {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A role as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Role {
    /// The role's id.
    #[schema(value_type = i64, example = 4)]
    pub id: RoleId,
    /// The role's name: lower-case letters, digits, hyphens or underscores.
    #[schema(example = "auditor")]
    pub name: String,
    /// Counts the changes; the item's `ETag`.
    #[serde(skip)]
    pub version: i64,
}

impl From<&Role> for events::Role {
    fn from(role: &Role) -> Self {
        Self { id: role.id, name: role.name.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_a_lower_case_word() {
        for good in ["user", "auditor", "branch-manager", "level_2"] {
            assert!(RoleName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "Admin", "2fa", "a b", "ad\u{430}min", "service", &"a".repeat(31)] {
            assert!(RoleName::parse(bad).is_err(), "{bad:?}");
        }
    }
}
