//! An item with its owner: the query ignores the caller, the scope then decides whether the caller may see it.

use shared_events::UserId;

use super::StoreError;
use super::batch_loader::Found;
use crate::domain::policy::Scope;

#[derive(Debug, Clone)]
pub(super) struct Scoped<T> {
    item: T,
    owner: UserId,
}

impl<T> Scoped<T> {
    pub(super) fn new(item: T, owner: i64) -> Result<Self, StoreError> {
        let owner = UserId::try_new(owner).map_err(|_| StoreError::Corrupt { what: "clients.user_id" })?;
        Ok(Self { item, owner })
    }

    pub(super) fn within(self, scope: Scope) -> Option<T> {
        scope.covers(self.owner).then_some(self.item)
    }
}

/// The single item of a query by one id, if it is within the scope.
pub(super) fn only<T>(rows: Found<Scoped<T>>, scope: Scope) -> Result<Option<T>, StoreError> {
    let Some((_, row)) = rows.into_iter().next() else { return Ok(None) };
    Ok(row?.within(scope))
}
