//! The ledger's tables. What may be posted is decided in `domain::ledger`, over the rows that [`lock_accounts`] and
//! [`lock_transfers`] return; [`save`] writes what was decided.
//!
//! A transaction takes its locks in one order: accounts that get a card or are deleted by id, holds and originals by id, then ledger
//! accounts by id. On SQLite there is one writer, and nothing to lock.

mod accounts;
mod clock;
mod entries;
mod list;
mod lock;
mod move_balances;
mod newest;
mod rows;
mod save;
mod stripes;
mod totals;
mod transfers;
mod update_transfers;
mod verify;

pub use accounts::{LEDGER_FILTERS, find, insert, list_accounts, sides_of};
pub use clock::now;
pub use entries::{
    EntryKind, EntryOf, EntryPage, amounts, as_of, count_entries, find_entries, has_larger, list_entries,
};
pub use list::{TRANSFER_FILTERS, list_transfers};
pub use lock::{Wait, lock_accounts, lock_transfers};
pub use move_balances::{Moved, move_balances};
pub(super) use rows::{AccountColumns, AccountRow};
pub use save::{Decided, TransferKey, save};
pub use stripes::{find_stripes, make_stripe, stripes_of};
pub use totals::{Total, totals};
pub use transfers::{Placed, by_keys, expired, expired_of, find_transfer, find_transfers, open_holds, open_holds_of};
pub use verify::{
    Checkpoint, Depth, Step, Verification, Verifier, commit as commit_checkpoints, keep as keep_checkpoints, verify,
};
