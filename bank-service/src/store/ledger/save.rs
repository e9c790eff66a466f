//! Writes what was decided.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use sha2::{Digest, Sha256};
use shared_events::UserId;

use super::super::kept_row::insert_rows;
use super::super::schema::{ledger_accounts, ledger_entries, transfers};
use super::super::{Db, IdempotencyKey, StoreError};
use super::rows::{AccountRow, EntryRowOf, TransferRow};
use super::update_transfers::update_transfers;
use crate::domain::ledger::{Amount, Book, Done, Entry, LedgerAccount, Transfer, TransferStatus};

/// The `Idempotency-Key` of a transfer; it never lapses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TransferKey {
    /// A hash of the caller, the key and the place in a batch, in hex digits.
    pub key: String,
    /// Of a transfer of a batch: the key that a transfer alone would have. It shows that one was made under the same `Idempotency-Key`.
    pub alone: Option<String>,
    /// As the client gave it, with its request.
    pub given: IdempotencyKey,
}

impl TransferKey {
    /// The key of a request, or of the transfer at this place in its batch, from 1 on. One column holds caller, key and place, whatever
    /// characters they have.
    pub fn of(key: &IdempotencyKey, place: usize) -> Self {
        let alone = (place > 0).then(|| hash_of(key, 0));
        Self { key: hash_of(key, place), alone, given: key.clone() }
    }
}

fn hash_of(key: &IdempotencyKey, place: usize) -> String {
    let mut hash = Sha256::new();
    for part in [&key.caller, &key.key, &place.to_string()] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// A transfer that was decided, as it is written.
#[derive(Debug, Clone)]
pub struct Decided {
    pub done: Done,
    /// None for a balance that was there before the ledger.
    pub event_id: Option<String>,
    pub key: Option<TransferKey>,
}

/// Writes the book's ledger accounts, the transfers and all entries; `limits` are the entries without a transfer.
pub fn save(db: &mut Db, book: &Book, decided: &[Decided], limits: &[Entry]) -> Result<(), StoreError> {
    let opened: Vec<LedgerAccount> = book.opened().cloned().collect();
    super::accounts::insert(db, &opened)?;
    update_accounts(db, book.changed().map(AccountRow::from).collect())?;
    insert_transfers(db, &decided.iter().filter(|one| one.done.is_new).map(row_of).collect::<Vec<_>>())?;
    // Of one that was changed twice the last state.
    let changed = decided.iter().filter_map(|one| one.done.changed.as_ref());
    update_transfers(db, &changed.map(|transfer| (transfer.id, transfer)).collect())?;
    let entries = decided.iter().flat_map(|one| &one.done.entries).chain(limits);
    let entries: Vec<EntryRowOf> = entries.map(EntryRowOf::from).collect();
    Ok(insert_rows!(db, ledger_entries::table, &entries)?)
}

/// A ledger account as `update_accounts` writes it: the row exists.
#[cfg(feature = "mysql")]
struct Changed(AccountRow);

#[cfg(feature = "mysql")]
impl super::super::mysql::KeptRow for Changed {
    const INSERT: &'static str = <AccountRow as super::super::mysql::KeptRow>::INSERT;
    const END: &'static str = " ON DUPLICATE KEY UPDATE balance = VALUES(balance), held = VALUES(held), \
        min_balance = VALUES(min_balance), seq = VALUES(seq), posted_at = VALUES(posted_at), closed_at = VALUES(closed_at)";

    fn bind<'b>(&'b self, out: &mut diesel::query_builder::AstPass<'_, 'b, diesel::mysql::Mysql>) -> QueryResult<()> {
        super::super::mysql::KeptRow::bind(&self.0, out)
    }
}

fn update_accounts(db: &mut Db, rows: Vec<AccountRow>) -> Result<(), StoreError> {
    match db {
        #[cfg(feature = "mysql")]
        Db::Mysql(conn) => {
            let rows: Vec<Changed> = rows.into_iter().map(Changed).collect();
            super::super::mysql::insert(conn, &rows)?;
        }
        Db::Sqlite(conn) => {
            for row in rows {
                let changes = (
                    ledger_accounts::balance.eq(row.balance),
                    ledger_accounts::held.eq(row.held),
                    ledger_accounts::min_balance.eq(row.min_balance),
                    ledger_accounts::seq.eq(row.seq),
                    ledger_accounts::posted_at.eq(row.posted_at),
                    ledger_accounts::closed_at.eq(row.closed_at),
                );
                diesel::update(ledger_accounts::table.find(row.id)).set(changes).execute(conn)?;
            }
        }
    }
    Ok(())
}

fn row_of(decided: &Decided) -> TransferRow {
    let (transfer, key) = (&decided.done.transfer, decided.key.as_ref());
    TransferRow {
        from_seq: decided.done.seq_of(transfer.from).unwrap_or_default(),
        to_seq: decided.done.seq_of(transfer.to),
        event_id: decided.event_id.clone(),
        request_key: key.map(|key| key.key.clone()),
        request_hash: key.map(|key| key.given.request_hash.clone()),
        ..TransferRow::from(transfer)
    }
}

impl From<&Transfer> for TransferRow {
    /// Without what only its request and its entries say.
    fn from(transfer: &Transfer) -> Self {
        let is_open = transfer.status == TransferStatus::Held;
        let date = |date: Option<DateTime<Utc>>| date.map(|date| date.naive_utc());
        Self {
            id: transfer.id.to_string(),
            from_id: transfer.from.get(),
            to_id: transfer.to.get(),
            amount: transfer.amount.minor(),
            currency: transfer.currency.code().to_owned(),
            kind: transfer.kind.as_str().to_owned(),
            status: transfer.status.as_str().to_owned(),
            reference: transfer.text.reference.clone(),
            description: transfer.text.description.clone(),
            captured_amount: transfer.captured_amount.map(Amount::minor),
            reversed_amount: transfer.reversed_amount,
            hold_id: transfer.hold_id.map(|id| id.to_string()),
            reverses_id: transfer.reverses_id.map(|id| id.to_string()),
            from_name: transfer.from_name.clone(),
            to_name: transfer.to_name.clone(),
            from_seq: 0,
            to_seq: None,
            created_at: transfer.created_at.naive_utc(),
            posted_at: date(transfer.posted_at),
            ended_at: date(transfer.ended_at),
            expires_at: date(transfer.expires_at),
            open_until: date(transfer.expires_at.filter(|_| is_open)),
            actor: transfer.actor.map(UserId::get),
            event_id: None,
            request_key: None,
            request_hash: None,
        }
    }
}

fn insert_transfers(db: &mut Db, rows: &[TransferRow]) -> Result<(), StoreError> {
    insert_rows!(db, transfers::table, rows).map_err(|error| match StoreError::from(error) {
        // Another transaction has used a key meanwhile: the next attempt finds what it did.
        StoreError::UniqueViolation => StoreError::Serialization,
        error => error,
    })
}
