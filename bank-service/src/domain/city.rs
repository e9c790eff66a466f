//! Cities, which branches are located in.

use serde::Serialize;
use shared_events::CityId;
use shared_events::events;

use super::name::Name;

/// A city; its name is unique.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct City {
    /// The city's id.
    #[schema(value_type = i64, minimum = 1, example = 1)]
    pub id: CityId,
    /// The city's name, which no other city has.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Lisbon")]
    pub name: Name,
    /// Counts the changes; the item's `ETag`.
    #[serde(skip)]
    pub version: i64,
}

impl From<&City> for events::City {
    fn from(item: &City) -> Self {
        Self { id: item.id, name: item.name.as_str().to_owned() }
    }
}
