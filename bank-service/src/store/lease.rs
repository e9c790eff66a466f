//! A lease row: it says which replica does work that only one may do.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;

/// One named lease, as one holder uses it. Every call may be dropped at any time.
#[async_trait]
pub trait LeaseRow: Send {
    fn holder(&self) -> &str;

    /// Takes the lease if it is free or has expired, or renews it; true if it is held until `length` after the server began.
    async fn hold(&mut self, length: Duration) -> Result<bool, StoreError>;

    /// Frees the lease at once. Has no effect if another holder has it.
    async fn give_up(&mut self) -> Result<(), StoreError>;
}
