//! Branches: a bank's premises in cities.

use serde::Serialize;
use shared_events::events;
use shared_events::{BankId, BranchId, CityId};

/// A branch. It stays with its bank; it may move to another city.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Branch {
    /// The branch's id.
    #[schema(value_type = i64, minimum = 1, example = 1)]
    pub id: BranchId,
    /// The bank that the branch belongs to.
    #[schema(value_type = i64, minimum = 1, example = 1)]
    pub bank_id: BankId,
    /// The city that the branch is in.
    #[schema(value_type = i64, minimum = 1, example = 1)]
    pub city_id: CityId,
    /// Counts the changes; the item's `ETag`.
    #[serde(skip)]
    pub version: i64,
}

impl From<&Branch> for events::Branch {
    fn from(branch: &Branch) -> Self {
        Self { id: branch.id, bank_id: branch.bank_id, city_id: branch.city_id }
    }
}
