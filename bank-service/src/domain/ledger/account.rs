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
    /// Rests of closed accounts.
    Closed,
}

impl System {
    pub const ALL: [Self; 4] = [Self::Cash, Self::Opening, Self::Adjustments, Self::Closed];
    /// Their texts.
    pub const NAMES: [&'static str; 4] =
        [Self::Cash.as_str(), Self::Opening.as_str(), Self::Adjustments.as_str(), Self::Closed.as_str()];

    pub const fn as_str(self) -> &'static str {
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

/// The number of stripes for one purpose and currency: many transfers at once do not wait for one row.
pub const STRIPES: i32 = 16;

impl StripeKey {
    /// The one that the money of this ledger account comes from, or goes to.
    pub fn of(account: &LedgerAccount, system: System) -> Self {
        Self::beside(account.id, account.bank_id, account.currency, system)
    }

    /// The same, for the ledger account of this id.
    pub fn beside(id: LedgerId, bank_id: BankId, currency: Currency, system: System) -> Self {
        let stripe = i32::try_from((id.get() / 2).rem_euclid(i64::from(STRIPES))).unwrap_or(0);
        Self { bank_id, currency, system, stripe }
    }

    /// The one that takes over when this one is full.
    #[must_use]
    pub fn next(self) -> Self {
        Self { stripe: self.stripe.saturating_add(STRIPES), ..self }
    }

    /// Its ledger account, before the first entry.
    pub fn open(self, id: LedgerId, now: DateTime<Utc>) -> LedgerAccount {
        let owner = Owner { bank_id: self.bank_id, customer: None, currency: self.currency, holder: String::new() };
        LedgerAccount::new(id, LedgerKind::System(self.system), owner, now)
    }
}

/// The kind of a ledger account: of a customer's account or card, or of the bank itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerKind {
    Account,
    Card,
    System(System),
}

impl LedgerKind {
    /// The texts of all.
    pub const NAMES: [&'static str; 6] = [
        Self::Account.as_str(),
        Self::Card.as_str(),
        Self::System(System::Cash).as_str(),
        Self::System(System::Opening).as_str(),
        Self::System(System::Adjustments).as_str(),
        Self::System(System::Closed).as_str(),
    ];

    pub const fn as_str(self) -> &'static str {
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

/// The owner of a ledger account. Only the holder's name ever changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub bank_id: BankId,
    /// The customer's client and user; none for a bank's own.
    pub customer: Option<(ClientId, UserId)>,
    pub currency: Currency,
    /// The client's or the bank's name.
    pub holder: String,
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
    /// Money that open holds keep from being spent.
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
    /// A new one, before the first entry.
    pub fn new(id: LedgerId, kind: LedgerKind, owner: Owner, now: DateTime<Utc>) -> Self {
        Self {
            id,
            kind,
            bank_id: owner.bank_id,
            client_id: owner.customer.map(|(client_id, _)| client_id),
            user_id: owner.customer.map(|(_, user_id)| user_id),
            currency: owner.currency,
            balance: 0,
            held: 0,
            min_balance: if kind.is_customers() { 0 } else { i64::MIN },
            seq: 0,
            posted_at: None,
            opened_at: now,
            closed_at: None,
            iban: None,
            holder: owner.holder,
        }
    }

    /// That of a new account, before the first entry.
    pub fn of_account(
        id: AccountId,
        customer: (ClientId, UserId),
        bank_id: BankId,
        currency: Currency,
        now: DateTime<Utc>,
    ) -> Self {
        let owner = Owner { bank_id, customer: Some(customer), currency, holder: String::new() };
        Self::new(LedgerId::of_account(id), LedgerKind::Account, owner, now)
    }

    /// That of a new card, whose owner is that of its account, before the first entry.
    pub fn of_card(id: CardId, owner: Owner, now: DateTime<Utc>) -> Self {
        Self::new(LedgerId::of_card(id), LedgerKind::Card, owner, now)
    }

    /// The version of the account or card: every change of its money is a new one.
    pub fn version(&self) -> i64 {
        self.seq.saturating_add(1)
    }

    /// The largest balance of a customer, above zero and below.
    pub const LARGEST: i64 = Balance::MAX;

    /// The balance after a change by this amount; none if it would be out of range: a customer's stays within what JSON numbers hold.
    pub fn balance_after(&self, amount: i64) -> Option<i64> {
        let in_range = |balance: &i64| (-Self::LARGEST..=Self::LARGEST).contains(balance);
        self.balance.checked_add(amount).filter(|balance| !self.kind.is_customers() || in_range(balance))
    }

    /// Money that may be spent: the balance without what is held, and with the overdraft. Decisions use it; clients see
    /// [`LedgerAccount::shown_available`].
    pub fn available(&self) -> i64 {
        available(self.balance, self.held, self.min_balance)
    }

    /// As [`shown_available`].
    pub fn shown_available(&self) -> i64 {
        shown_available(self.balance, self.held, self.min_balance)
    }

    pub fn is_closed(&self) -> bool {
        self.closed_at.is_some()
    }

    pub fn is_owned_by(&self, user: UserId) -> bool {
        self.user_id == Some(user)
    }
}

fn available(balance: i64, held: i64, min_balance: i64) -> i64 {
    balance.saturating_sub(held).saturating_sub(min_balance)
}

/// Money that may be spent, as clients see it: at most the largest amount, beyond which JSON readers round. No transfer takes more.
pub fn shown_available(balance: i64, held: i64, min_balance: i64) -> i64 {
    available(balance, held, min_balance).min(LedgerAccount::LARGEST)
}
