//! The row that says which replica does what only one may do.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;

/// One named lease, as one holder sees it. Every call may be dropped at any time.
#[async_trait]
pub trait LeaseRow: Send {
    fn holder(&self) -> &str;

    /// Takes the lease if it is free or has run out, or renews it; true if it is ours until `length` after the server began.
    async fn hold(&mut self, length: Duration) -> Result<bool, StoreError>;

    /// Lets the next one have it at once. Nothing happens if it is not ours.
    async fn give_up(&mut self) -> Result<(), StoreError>;
}
