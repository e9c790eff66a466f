//! Ledger accounts: one for each account and card, and those of a bank itself.

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared_events::{AccountId, BankId, CardId, ClientId, Currency, UserId};

use super::LedgerId;
use crate::domain::balance::Balance;

/// A bank's own ledger accounts, by what they are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum System {
    /// Money that came from outside, or went there.
    Cash,
    /// First balances.
    Opening,
    /// Balances that were set by hand.
    Adjustments,
    /// What was left of closed accounts.
    Closed,
}

impl System {
    pub const ALL: [Self; 4] = [Self::Cash, Self::Opening, Self::Adjustments, Self::Closed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cash => "cash",
            Self::Opening => "opening",
            Self::Adjustments => "adjustments",
            Self::Closed => "closed",
        }
    }
}

/// One of the ledger accounts that a bank has for one purpose and currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StripeKey {
    pub bank_id: BankId,
    pub currency: Currency,
    pub system: System,
    /// From 0. Beyond [`STRIPES`] are those that follow full ones.
    pub stripe: i32,
}

/// How many a bank has for one purpose and currency, so that many transfers at once do not wait for one row.
pub const STRIPES: i32 = 16;

impl StripeKey {
    /// The one that the money of this ledger account comes from, or goes to.
    pub fn of(account: &LedgerAccount, system: System) -> Self {
        let stripe = i32::try_from((account.id.get() / 2).rem_euclid(i64::from(STRIPES))).unwrap_or(0);
        Self { bank_id: account.bank_id, currency: account.currency, system, stripe }
    }

    /// The one that takes over when this one is full.
    #[must_use]
    pub fn next(self) -> Self {
        Self { stripe: self.stripe.saturating_add(STRIPES), ..self }
    }

    /// Its ledger account, before the first entry.
    pub fn open(self, id: LedgerId, now: DateTime<Utc>) -> LedgerAccount {
        LedgerAccount {
            id,
            kind: LedgerKind::System(self.system),
            bank_id: self.bank_id,
            client_id: None,
            user_id: None,
            currency: self.currency,
            balance: 0,
            held: 0,
            min_balance: i64::MIN,
            seq: 0,
            posted_at: None,
            opened_at: now,
            closed_at: None,
            iban: None,
            holder: String::new(),
        }
    }
}

/// Whose money a ledger account counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerKind {
    Account,
    Card,
    System(System),
}

impl LedgerKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Card => "card",
            Self::System(system) => system.as_str(),
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "account" => Some(Self::Account),
            "card" => Some(Self::Card),
            other => System::ALL.into_iter().find(|system| system.as_str() == other).map(Self::System),
        }
    }

    /// Whether its money is a customer's, so that it must not be spent twice.
    pub fn is_customers(self) -> bool {
        !matches!(self, Self::System(_))
    }
}

/// A ledger account. It is never removed: it outlives the account or the card whose money it counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerAccount {
    pub id: LedgerId,
    pub kind: LedgerKind,
    pub bank_id: BankId,
    /// The customer's client and user; none for a bank's own.
    pub client_id: Option<ClientId>,
    pub user_id: Option<UserId>,
    pub currency: Currency,
    /// Credits minus debits.
    pub balance: i64,
    /// What open holds keep from being spent.
    pub held: i64,
    /// The negative overdraft limit; [`i64::MIN`] for a bank's own.
    pub min_balance: i64,
    /// How many entries there are.
    pub seq: i64,
    /// The time of the last entry.
    pub posted_at: Option<DateTime<Utc>>,
    pub opened_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
    /// Of accounts.
    pub iban: Option<String>,
    /// The client's or the bank's name as of now, for the transfers that are posted now.
    pub holder: String,
}

impl LedgerAccount {
    /// That of a new account, before the first entry.
    pub fn of_account(
        id: AccountId,
        (client_id, user_id): (ClientId, UserId),
        bank_id: BankId,
        currency: Currency,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id: LedgerId::of_account(id),
            kind: LedgerKind::Account,
            bank_id,
            client_id: Some(client_id),
            user_id: Some(user_id),
            currency,
            balance: 0,
            held: 0,
            min_balance: 0,
            seq: 0,
            posted_at: None,
            opened_at: now,
            closed_at: None,
            iban: None,
            holder: String::new(),
        }
    }

    /// That of a new card of this account, before the first entry.
    #[must_use]
    pub fn of_card(&self, id: CardId, now: DateTime<Utc>) -> Self {
        Self {
            id: LedgerId::of_card(id),
            kind: LedgerKind::Card,
            balance: 0,
            held: 0,
            min_balance: 0,
            seq: 0,
            posted_at: None,
            opened_at: now,
            closed_at: None,
            iban: None,
            ..self.clone()
        }
    }

    /// The version of the account or card: every change of its money is a new one.
    pub fn version(&self) -> i64 {
        self.seq.saturating_add(1)
    }

    /// The largest balance of a customer, above zero and below.
    pub const LARGEST: i64 = Balance::MAX;

    /// What may be spent: the balance without what is held, and with the overdraft.
    pub fn available(&self) -> i64 {
        self.balance.saturating_sub(self.held).saturating_sub(self.min_balance)
    }

    pub fn is_closed(&self) -> bool {
        self.closed_at.is_some()
    }

    pub fn is_owned_by(&self, user: UserId) -> bool {
        self.user_id == Some(user)
    }
}
