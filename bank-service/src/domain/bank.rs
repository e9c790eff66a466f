//! Banks. A bank has branches and keeps accounts; closing it closes both.

use serde::Serialize;
use shared_events::BankId;
use shared_events::events;

use super::name::Name;

/// A bank; its name is unique.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Bank {
    /// The bank's id.
    #[schema(value_type = i64, minimum = 1, example = 1)]
    pub id: BankId,
    /// The bank's name, which no other bank has.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "First Bank")]
    pub name: Name,
    /// Counts the changes; the item's `ETag`.
    #[serde(skip)]
    pub version: i64,
}

impl From<&Bank> for events::Bank {
    fn from(item: &Bank) -> Self {
        Self { id: item.id, name: item.name.as_str().to_owned() }
    }
}
