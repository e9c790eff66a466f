//! Clients' money: what they asked for and were answered, and a check that the ledger holds exactly that.
//!
//! The requests carry an `Idempotency-Key` each and are repeated until they are answered, so in the end each has taken effect
//! once. A transfer's reference (of a reversal: its description) is the key, so a second one shows by whom it was asked for.

mod check;
mod client;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

pub use check::{Fault, Found, FoundTransfer, check};
pub use client::{Caller, Mover, Pots};

/// An account or a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pot {
    Account(i64),
    Card(i64),
}

impl Pot {
    /// As a side of a transfer.
    pub fn side(self) -> Value {
        match self {
            Self::Account(id) => json!({ "account_id": id }),
            Self::Card(id) => json!({ "card_id": id }),
        }
    }

    /// That of a side; none of a bank's own.
    pub fn of_side(side: &Value) -> Option<Self> {
        let id = |name: &str| side.get(name).and_then(Value::as_i64);
        id("account_id").map(Self::Account).or_else(|| id("card_id").map(Self::Card))
    }

    /// That of a ledger account: of account n it is 2n, of card n 2n + 1; none of a bank's own.
    pub fn of_ledger_account(id: i64) -> Option<Self> {
        (id > 0).then_some(if id % 2 == 0 { Self::Account(id / 2) } else { Self::Card(id / 2) })
    }

    pub fn ledger_account(self) -> i64 {
        match self {
            Self::Account(id) => id * 2,
            Self::Card(id) => id * 2 + 1,
        }
    }
}

impl fmt::Display for Pot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => write!(f, "account {id}"),
            Self::Card(id) => write!(f, "card {id}"),
        }
    }
}

/// In the minor unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Money {
    pub balance: i64,
    pub held: i64,
}

/// A transfer as it must be now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The key that it was asked for under; of a capture, that of its hold.
    pub name: String,
    pub from: Pot,
    pub to: Pot,
    pub amount: i64,
    pub status: &'static str,
}

/// The answers that clients got.
#[derive(Debug, Clone, Default)]
pub struct Answered {
    pub money: BTreeMap<Pot, Money>,
    /// First balances.
    pub opened: BTreeMap<Pot, i64>,
    /// By id.
    pub transfers: BTreeMap<String, Asked>,
    /// Each effect has an event: the transfer's id, and the event's type.
    pub effects: BTreeSet<(String, &'static str)>,
}

impl Answered {
    fn change(&mut self, pot: Pot, balance: i64, held: i64) {
        let money = self.money.entry(pot).or_default();
        *money = Money { balance: money.balance + balance, held: money.held + held };
    }

    /// A transfer that moved its amount, with the type of its event.
    fn posted(&mut self, id: &str, asked: Asked, event: &'static str) {
        self.change(asked.from, -asked.amount, 0);
        self.change(asked.to, asked.amount, 0);
        self.effects.insert((id.to_owned(), event));
        self.transfers.insert(id.to_owned(), asked);
    }

    fn held(&mut self, id: &str, asked: Asked) {
        self.change(asked.from, 0, asked.amount);
        self.effects.insert((id.to_owned(), "transfer.held"));
        self.transfers.insert(id.to_owned(), asked);
    }

    /// The end of a hold.
    fn ended(&mut self, hold: &str, status: &'static str) {
        let Some(asked) = self.transfers.get_mut(hold) else { return };
        asked.status = status;
        let (from, amount) = (asked.from, asked.amount);
        self.change(from, 0, -amount);
    }
}

/// Clients note here what they are answered, all at once.
#[derive(Default)]
pub struct Book(Mutex<Answered>);

impl Book {
    fn lock(&self) -> MutexGuard<'_, Answered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn answered(&self) -> Answered {
        self.lock().clone()
    }

    /// An account or card was opened with this balance.
    pub fn opened(&self, pot: Pot, balance: i64) {
        let mut answered = self.lock();
        answered.opened.insert(pot, balance);
        answered.change(pot, balance, 0);
    }
}
