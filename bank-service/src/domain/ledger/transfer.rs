//! Transfers: money moved, or held to be moved, from one ledger account to another.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared_events::{Currency, UserId};
use uuid::Uuid;

use super::{Amount, LedgerAccount, LedgerId};
use crate::domain::scope::Scope;

/// A UUID of version 7: later transfers have greater ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TransferId(Uuid);

impl TransferId {
    pub fn new() -> Self {
        Self(service_kit::ids::new_uuid())
    }

    pub fn uuid(self) -> Uuid {
        self.0
    }

    /// The id as a number, in the same order.
    pub fn number(self) -> i128 {
        i128::try_from(self.0.as_u128()).unwrap_or(i128::MAX)
    }

    pub fn from_number(number: i128) -> Self {
        Self(Uuid::from_u128(u128::try_from(number).unwrap_or(0)))
    }
}

impl Default for TransferId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TransferId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::try_parse(text).map(Self)
    }
}

/// Why money moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TransferKind {
    Transfer,
    Deposit,
    Withdrawal,
    Opening,
    Adjustment,
    Closing,
    Reversal,
}

impl TransferKind {
    pub const ALL: [Self; 7] = [
        Self::Transfer,
        Self::Deposit,
        Self::Withdrawal,
        Self::Opening,
        Self::Adjustment,
        Self::Closing,
        Self::Reversal,
    ];
    /// Their texts.
    pub const NAMES: [&'static str; 7] = [
        Self::Transfer.as_str(),
        Self::Deposit.as_str(),
        Self::Withdrawal.as_str(),
        Self::Opening.as_str(),
        Self::Adjustment.as_str(),
        Self::Closing.as_str(),
        Self::Reversal.as_str(),
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Deposit => "deposit",
            Self::Withdrawal => "withdrawal",
            Self::Opening => "opening",
            Self::Adjustment => "adjustment",
            Self::Closing => "closing",
            Self::Reversal => "reversal",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether a posted transfer of this kind may be reversed.
    pub fn is_reversible(self) -> bool {
        matches!(self, Self::Transfer | Self::Deposit | Self::Withdrawal)
    }
}

/// The state of a transfer. Only a hold has another one than `posted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TransferStatus {
    Posted,
    Held,
    Captured,
    Voided,
    Expired,
}

impl TransferStatus {
    pub const ALL: [Self; 5] = [Self::Posted, Self::Held, Self::Captured, Self::Voided, Self::Expired];
    /// Their texts.
    pub const NAMES: [&'static str; 5] = [
        Self::Posted.as_str(),
        Self::Held.as_str(),
        Self::Captured.as_str(),
        Self::Voided.as_str(),
        Self::Expired.as_str(),
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Posted => "posted",
            Self::Held => "held",
            Self::Captured => "captured",
            Self::Voided => "voided",
            Self::Expired => "expired",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// The sender's texts of a transfer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// The end-to-end id of ISO 20022; at most 35 characters.
    pub reference: Option<String>,
    /// At most 140 characters.
    pub description: Option<String>,
}

/// A transfer. Only the end of a hold and `reversed_amount` ever change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    pub id: TransferId,
    /// Debited.
    pub from: LedgerId,
    /// Credited.
    pub to: LedgerId,
    pub amount: Amount,
    pub currency: Currency,
    pub kind: TransferKind,
    pub status: TransferStatus,
    pub text: Text,
    /// Of a captured hold.
    pub captured_amount: Option<Amount>,
    /// How much of it was reversed so far.
    pub reversed_amount: i64,
    /// The hold that this transfer captures.
    pub hold_id: Option<TransferId>,
    /// The transfer that this one reverses.
    pub reverses_id: Option<TransferId>,
    /// The names of both sides as they were at posting.
    pub from_name: String,
    pub to_name: String,
    pub created_at: DateTime<Utc>,
    /// When the money moved; none for a hold.
    pub posted_at: Option<DateTime<Utc>>,
    /// When the hold ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// When the hold ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// The user who asked for it; none if no user did.
    pub actor: Option<UserId>,
}

impl Transfer {
    /// One that moves money now, between two ledger accounts of one currency.
    pub fn posted(
        kind: TransferKind,
        (from, to): (&LedgerAccount, &LedgerAccount),
        amount: Amount,
        now: DateTime<Utc>,
        actor: Option<UserId>,
    ) -> Self {
        Self {
            id: TransferId::new(),
            from: from.id,
            to: to.id,
            amount,
            currency: from.currency,
            kind,
            status: TransferStatus::Posted,
            text: Text::default(),
            captured_amount: None,
            reversed_amount: 0,
            hold_id: None,
            reverses_id: None,
            from_name: from.holder.clone(),
            to_name: to.holder.clone(),
            created_at: now,
            posted_at: Some(now),
            ended_at: None,
            expires_at: None,
            actor,
        }
    }

    /// As it was when it was made, whatever became of it.
    #[must_use]
    pub fn as_made(self) -> Self {
        let status = if self.expires_at.is_some() { TransferStatus::Held } else { TransferStatus::Posted };
        Self { status, captured_amount: None, reversed_amount: 0, ended_at: None, ..self }
    }

    /// Whether it holds money at this time. A hold that ran out holds none, whether or not it was ended.
    pub fn is_open_at(&self, now: DateTime<Utc>) -> bool {
        self.status == TransferStatus::Held && self.expires_at.is_none_or(|end| now < end)
    }
}

/// The caller that asks for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    pub user_id: Option<UserId>,
    /// The money that the caller may move.
    pub scope: Scope,
}

impl Caller {
    /// Whether the caller may act on money of this owner.
    pub fn covers(&self, owner: Option<UserId>) -> bool {
        match self.scope {
            Scope::All => true,
            Scope::Own(user) => owner == Some(user),
        }
    }

    pub fn is_staff(&self) -> bool {
        self.scope == Scope::All
    }

    /// Whether the debited side is the one to show: the caller's own money, or the only money of a customer.
    pub fn owns_debited(&self, from: &LedgerAccount, to: &LedgerAccount) -> bool {
        (self.covers(from.user_id) && from.kind.is_customers()) || !to.kind.is_customers()
    }
}
