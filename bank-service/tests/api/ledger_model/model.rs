//! What should be, in a few lines: balances, what is held, limits, open holds, and what is left to reverse.

use bank_service::domain::ledger::TransferId;

use super::steps::{ACCOUNTS, Order, Step, latest};

pub(super) const HOLD_SECONDS: i64 = 60;
/// How long [`Step::Wait`] is.
pub(super) const WAIT_SECONDS: i64 = HOLD_SECONDS / 2;
/// The balance of each account at first.
pub(super) const FIRST: i64 = 100;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Money {
    pub(super) balance: i64,
    pub(super) held: i64,
    pub(super) limit: i64,
}

impl Money {
    fn available(self) -> i64 {
        self.balance - self.held + self.limit
    }
}

#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) id: TransferId,
    from: usize,
    to: usize,
    amount: i64,
    is_open: bool,
    ends: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) id: TransferId,
    /// None: outside.
    from: Option<usize>,
    to: Option<usize>,
    left: i64,
}

/// A fault that a test plants into the model, to see the difference found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Planted {
    /// A capture leaves the held sum as it is.
    HeldAfterCapture,
}

#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) accounts: [Money; ACCOUNTS],
    holds: Vec<Held>,
    sent: Vec<Sent>,
    now: i64,
    planted: Option<Planted>,
}

impl Model {
    pub(super) fn new(planted: Option<Planted>) -> Self {
        let accounts = [Money { balance: FIRST, ..Money::default() }; ACCOUNTS];
        Self { accounts, holds: Vec::new(), sent: Vec::new(), now: 0, planted }
    }

    pub(super) fn hold(&self, pick: usize) -> Option<&Held> {
        self.holds.get(latest(pick, self.holds.len())?)
    }

    pub(super) fn transfer(&self, pick: usize) -> Option<&Sent> {
        self.sent.get(latest(pick, self.sent.len())?)
    }

    /// Whether the step has to be done, and not refused. A hold or transfer that it picks has to exist.
    pub(super) fn expects(&self, step: &Step) -> bool {
        match *step {
            Step::Transfer(order) | Step::Twice(order) | Step::Hold(order) => self.can_send(order),
            Step::Both(first, second) => {
                let mut after = self.clone();
                after.move_money(first);
                self.can_send(first) && after.can_send(second)
            }
            Step::Capture { hold, amount } => self
                .hold(hold)
                .is_some_and(|held| self.is_open(held) && amount.is_none_or(|amount| amount <= held.amount)),
            Step::Void { hold } => self.hold(hold).is_some_and(|held| self.is_open(held)),
            Step::Reverse { transfer, amount } => self.transfer(transfer).is_some_and(|sent| {
                amount <= sent.left && sent.to.is_none_or(|to| self.accounts[to].available() >= amount)
            }),
            Step::Withdraw { from, amount } => self.accounts[from].available() >= amount,
            Step::Set { account, balance } => balance >= self.accounts[account].held,
            Step::Limit { account, limit } => Money { limit, ..self.accounts[account] }.available() >= 0,
            Step::Deposit { .. } | Step::Wait => true,
        }
    }

    /// Does a step that was done; these are the transfers that it made.
    pub(super) fn apply(&mut self, step: &Step, ids: &[TransferId]) {
        let id = |at: usize| ids.get(at).copied().unwrap_or_default();
        match *step {
            Step::Transfer(order) | Step::Twice(order) => self.send(id(0), order),
            Step::Both(first, second) => {
                self.send(id(0), first);
                self.send(id(1), second);
            }
            Step::Hold((from, to, amount)) => {
                self.accounts[from].held += amount;
                let ends = self.now + HOLD_SECONDS;
                self.holds.push(Held { id: id(0), from, to, amount, is_open: true, ends });
            }
            Step::Capture { hold, amount } => self.capture(id(0), hold, amount),
            Step::Void { hold } => {
                let held = self.end(hold);
                self.accounts[held.from].held -= held.amount;
            }
            Step::Reverse { transfer, amount } => {
                let index = latest(transfer, self.sent.len()).unwrap();
                self.sent[index].left -= amount;
                let Sent { from, to, .. } = self.sent[index];
                to.inspect(|to| self.accounts[*to].balance -= amount);
                from.inspect(|from| self.accounts[*from].balance += amount);
            }
            Step::Deposit { to, amount } => {
                self.accounts[to].balance += amount;
                self.sent.push(Sent { id: id(0), from: None, to: Some(to), left: amount });
            }
            Step::Withdraw { from, amount } => {
                self.accounts[from].balance -= amount;
                self.sent.push(Sent { id: id(0), from: Some(from), to: None, left: amount });
            }
            Step::Set { account, balance } => self.accounts[account].balance = balance,
            Step::Limit { account, limit } => self.accounts[account].limit = limit,
            Step::Wait => {
                self.now += WAIT_SECONDS;
                self.expire();
            }
        }
    }

    fn can_send(&self, (from, to, amount): Order) -> bool {
        from != to && self.accounts[from].available() >= amount
    }

    fn is_open(&self, held: &Held) -> bool {
        held.is_open && self.now < held.ends
    }

    fn move_money(&mut self, (from, to, amount): Order) {
        self.accounts[from].balance -= amount;
        self.accounts[to].balance += amount;
    }

    fn send(&mut self, id: TransferId, order: Order) {
        self.move_money(order);
        let (from, to, amount) = order;
        self.sent.push(Sent { id, from: Some(from), to: Some(to), left: amount });
    }

    fn capture(&mut self, id: TransferId, hold: usize, amount: Option<i64>) {
        let ended = self.end(hold);
        if self.planted != Some(Planted::HeldAfterCapture) {
            self.accounts[ended.from].held -= ended.amount;
        }
        self.send(id, (ended.from, ended.to, amount.unwrap_or(ended.amount)));
    }

    fn end(&mut self, hold: usize) -> Held {
        let index = latest(hold, self.holds.len()).unwrap();
        self.holds[index].is_open = false;
        self.holds[index].clone()
    }

    /// Ends the holds that ran out.
    fn expire(&mut self) {
        for hold in self.holds.iter_mut().filter(|hold| hold.is_open && hold.ends <= self.now) {
            hold.is_open = false;
            self.accounts[hold.from].held -= hold.amount;
        }
    }
}
