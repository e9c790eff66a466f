//! The rows of the ledger's tables, and what they say.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use shared_events::{BankId, ClientId, UserId};

use super::super::StoreError;
use super::super::fixed_sql::{FixedSql, fixed_sql};
use super::super::kept_row::kept_row;
use super::super::schema::{ledger_accounts, ledger_entries, transfers};
use crate::domain::ledger::{
    Amount, Entry, LedgerAccount, LedgerId, LedgerKind, Text, Transfer, TransferId, TransferKind, TransferStatus,
};

/// The name of the client or the bank, as of now. The subqueries take no locks.
pub(super) fn holder() -> FixedSql<diesel::sql_types::Text> {
    fixed_sql(HOLDER)
}

const HOLDER: &str = "COALESCE((SELECT clients.name FROM clients WHERE clients.id = ledger_accounts.client_id), \
     (SELECT banks.name FROM banks WHERE banks.id = ledger_accounts.bank_id), '')";

/// The columns of [`AccountRow`].
pub(in crate::store) type AccountColumns = <ledger_accounts::table as Table>::AllColumns;

#[derive(Queryable, Insertable)]
#[diesel(table_name = ledger_accounts)]
pub(in crate::store) struct AccountRow {
    pub(super) id: i64,
    pub(super) kind: String,
    pub(super) bank_id: i64,
    pub(super) client_id: Option<i64>,
    pub(in crate::store) user_id: Option<i64>,
    pub(super) currency: String,
    pub(super) balance: i64,
    pub(super) held: i64,
    pub(super) min_balance: i64,
    pub(super) seq: i64,
    pub(super) posted_at: Option<NaiveDateTime>,
    pub(super) opened_at: NaiveDateTime,
    pub(super) closed_at: Option<NaiveDateTime>,
    pub(super) iban: Option<String>,
}

kept_row!(
    AccountRow, ledger_accounts:
    id => BigInt, kind => Text, bank_id => BigInt, client_id => Nullable<BigInt>, user_id => Nullable<BigInt>,
    currency => Text, balance => BigInt, held => BigInt, min_balance => BigInt, seq => BigInt,
    posted_at => Nullable<Timestamp>, opened_at => Timestamp, closed_at => Nullable<Timestamp>, iban => Nullable<Text>
);

impl AccountRow {
    pub(in crate::store) fn read(self, holder: String) -> Result<LedgerAccount, StoreError> {
        let corrupt = |what| move |_| StoreError::Corrupt { what };
        Ok(LedgerAccount {
            id: LedgerId::stored(self.id),
            kind: LedgerKind::parse(&self.kind).ok_or(StoreError::Corrupt { what: "ledger_accounts.kind" })?,
            bank_id: BankId::try_new(self.bank_id).map_err(corrupt("ledger_accounts.bank_id"))?,
            client_id: self
                .client_id
                .map(ClientId::try_new)
                .transpose()
                .map_err(corrupt("ledger_accounts.client_id"))?,
            user_id: self.user_id.map(UserId::try_new).transpose().map_err(corrupt("ledger_accounts.user_id"))?,
            currency: self.currency.parse().map_err(|_| StoreError::Corrupt { what: "ledger_accounts.currency" })?,
            balance: self.balance,
            held: self.held,
            min_balance: self.min_balance,
            seq: self.seq,
            posted_at: self.posted_at.map(utc),
            opened_at: utc(self.opened_at),
            closed_at: self.closed_at.map(utc),
            iban: self.iban,
            holder,
        })
    }
}

impl From<&LedgerAccount> for AccountRow {
    fn from(account: &LedgerAccount) -> Self {
        Self {
            id: account.id.get(),
            kind: account.kind.as_str().to_owned(),
            bank_id: account.bank_id.get(),
            client_id: account.client_id.map(ClientId::get),
            user_id: account.user_id.map(UserId::get),
            currency: account.currency.code().to_owned(),
            balance: account.balance,
            held: account.held,
            min_balance: account.min_balance,
            seq: account.seq,
            posted_at: account.posted_at.map(|date| date.naive_utc()),
            opened_at: account.opened_at.naive_utc(),
            closed_at: account.closed_at.map(|date| date.naive_utc()),
            iban: account.iban.clone(),
        }
    }
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = transfers)]
pub(super) struct TransferRow {
    pub(super) id: String,
    pub(super) from_id: i64,
    pub(super) to_id: i64,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) reference: Option<String>,
    pub(super) description: Option<String>,
    pub(super) captured_amount: Option<i64>,
    pub(super) reversed_amount: i64,
    pub(super) hold_id: Option<String>,
    pub(super) reverses_id: Option<String>,
    pub(super) from_name: String,
    pub(super) to_name: String,
    pub(super) from_seq: i64,
    pub(super) to_seq: Option<i64>,
    pub(super) created_at: NaiveDateTime,
    pub(super) posted_at: Option<NaiveDateTime>,
    pub(super) ended_at: Option<NaiveDateTime>,
    pub(super) expires_at: Option<NaiveDateTime>,
    pub(super) open_until: Option<NaiveDateTime>,
    pub(super) actor: Option<i64>,
    pub(super) event_id: Option<String>,
    pub(super) request_key: Option<String>,
    pub(super) request_hash: Option<String>,
}

kept_row!(
    TransferRow, transfers:
    id => Text, from_id => BigInt, to_id => BigInt, amount => BigInt, currency => Text, kind => Text, status => Text,
    reference => Nullable<Text>, description => Nullable<Text>, captured_amount => Nullable<BigInt>,
    reversed_amount => BigInt, hold_id => Nullable<Text>, reverses_id => Nullable<Text>, from_name => Text,
    to_name => Text, from_seq => BigInt, to_seq => Nullable<BigInt>, created_at => Timestamp,
    posted_at => Nullable<Timestamp>, ended_at => Nullable<Timestamp>, expires_at => Nullable<Timestamp>,
    open_until => Nullable<Timestamp>, actor => Nullable<BigInt>, event_id => Nullable<Text>,
    request_key => Nullable<Text>, request_hash => Nullable<Text>
);

impl TransferRow {
    pub(super) fn read(&self) -> Result<Transfer, StoreError> {
        let corrupt = |what| StoreError::Corrupt { what };
        let id = |text: &str| text.parse::<TransferId>().map_err(|_| corrupt("the id of a transfer"));
        let amount = |minor| Amount::try_new(minor).map_err(|_| corrupt("transfers.amount"));
        Ok(Transfer {
            id: id(&self.id)?,
            from: LedgerId::stored(self.from_id),
            to: LedgerId::stored(self.to_id),
            amount: amount(self.amount)?,
            currency: self.currency.parse().map_err(|_| corrupt("transfers.currency"))?,
            kind: TransferKind::parse(&self.kind).ok_or_else(|| corrupt("transfers.kind"))?,
            status: TransferStatus::parse(&self.status).ok_or_else(|| corrupt("transfers.status"))?,
            text: Text { reference: self.reference.clone(), description: self.description.clone() },
            captured_amount: self.captured_amount.map(amount).transpose()?,
            reversed_amount: self.reversed_amount,
            hold_id: self.hold_id.as_deref().map(id).transpose()?,
            reverses_id: self.reverses_id.as_deref().map(id).transpose()?,
            from_name: self.from_name.clone(),
            to_name: self.to_name.clone(),
            created_at: utc(self.created_at),
            posted_at: self.posted_at.map(utc),
            ended_at: self.ended_at.map(utc),
            expires_at: self.expires_at.map(utc),
            actor: self.actor.map(UserId::try_new).transpose().map_err(|_| corrupt("transfers.actor"))?,
        })
    }
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = ledger_entries)]
pub(super) struct EntryRowOf {
    pub(super) ledger_id: i64,
    pub(super) seq: i64,
    pub(super) transfer_id: Option<String>,
    pub(super) amount: i64,
    pub(super) held_change: i64,
    pub(super) balance_after: i64,
    pub(super) held_after: i64,
    pub(super) min_balance_after: i64,
    pub(super) posted_at: NaiveDateTime,
}

kept_row!(
    EntryRowOf, ledger_entries:
    ledger_id => BigInt, seq => BigInt, transfer_id => Nullable<Text>, amount => BigInt, held_change => BigInt,
    balance_after => BigInt, held_after => BigInt, min_balance_after => BigInt, posted_at => Timestamp
);

impl From<&Entry> for EntryRowOf {
    fn from(entry: &Entry) -> Self {
        Self {
            ledger_id: entry.ledger_id.get(),
            seq: entry.seq,
            transfer_id: entry.transfer_id.map(|id| id.to_string()),
            amount: entry.amount,
            held_change: entry.held_change,
            balance_after: entry.balance_after,
            held_after: entry.held_after,
            min_balance_after: entry.min_balance_after,
            posted_at: entry.posted_at.naive_utc(),
        }
    }
}

pub(super) fn utc(date: NaiveDateTime) -> DateTime<Utc> {
    date.and_utc()
}

impl EntryRowOf {
    pub(super) fn read(&self) -> Result<Entry, StoreError> {
        let transfer_id = self.transfer_id.as_deref().map(str::parse::<TransferId>).transpose();
        Ok(Entry {
            ledger_id: LedgerId::stored(self.ledger_id),
            seq: self.seq,
            transfer_id: transfer_id.map_err(|_| StoreError::Corrupt { what: "ledger_entries.transfer_id" })?,
            amount: self.amount,
            held_change: self.held_change,
            balance_after: self.balance_after,
            held_after: self.held_after,
            min_balance_after: self.min_balance_after,
            posted_at: utc(self.posted_at),
        })
    }
}
