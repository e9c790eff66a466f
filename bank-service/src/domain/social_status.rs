//! Social statuses that clients may have.

use serde::Serialize;
use shared_events::SocialStatusId;
use shared_events::events;

use super::name::Name;

/// A social status; its name is unique.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct SocialStatus {
    /// The social status's id.
    #[schema(value_type = i64, minimum = 1, example = 1)]
    pub id: SocialStatusId,
    /// The social status's name, which no other one has.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "student")]
    pub name: Name,
    /// Counts the changes; the item's `ETag`.
    #[serde(skip)]
    pub version: i64,
}

impl From<&SocialStatus> for events::SocialStatus {
    fn from(item: &SocialStatus) -> Self {
        Self { id: item.id, name: item.name.as_str().to_owned() }
    }
}
