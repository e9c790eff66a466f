//! Random sequences of what moves money, on the real store, beside a model of a few lines: both must say the same after each step,
//! and in the end the ledger must be what its entries say. proptest shrinks a sequence that fails to a short one.
//!
//! `LEDGER_CASES` sets how many sequences there are.

use bank_service::domain::balance::Balance;
use bank_service::domain::ledger::{
    Amount, Caller, LedgerId, Order, Refusal, Text, TransferId, TransferKind, TransferStatus,
};
use bank_service::domain::scope::Scope;
use bank_service::domain::version::Expected;
use bank_service::operations::accounts::{OpenAccount, open_account, update_account};
use bank_service::operations::ledger::{Command, Request, SetMoney, SetMoneyError, TransferError, expire_holds};
use bank_service::store::ledger::verify;
use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shared_events::{AccountId, BankId, ClientId, Currency};

use crate::resources::fixture::Fixture;

const ACCOUNTS: usize = 3;
const HOLD_SECONDS: i64 = 60;

/// One step. Accounts, holds and transfers are picked by number, modulo how many there are.
#[derive(Debug, Clone)]
enum Step {
    Transfer { from: usize, to: usize, amount: i64 },
    Hold { from: usize, to: usize, amount: i64 },
    Capture { hold: usize, amount: i64 },
    Void { hold: usize },
    Reverse { transfer: usize, amount: i64 },
    Deposit { to: usize, amount: i64 },
    Withdraw { from: usize, amount: i64 },
    Set { account: usize, balance: i64 },
    Limit { account: usize, limit: i64 },
    Wait,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let account = || 0..ACCOUNTS;
    let amount = || 1..=120_i64;
    let any = || 0..40_usize;
    let step = prop_oneof![
        5 => (account(), account(), amount()).prop_map(|(from, to, amount)| Step::Transfer { from, to, amount }),
        4 => (account(), account(), amount()).prop_map(|(from, to, amount)| Step::Hold { from, to, amount }),
        3 => (any(), amount()).prop_map(|(hold, amount)| Step::Capture { hold, amount }),
        2 => any().prop_map(|hold| Step::Void { hold }),
        3 => (any(), amount()).prop_map(|(transfer, amount)| Step::Reverse { transfer, amount }),
        2 => (account(), amount()).prop_map(|(to, amount)| Step::Deposit { to, amount }),
        2 => (account(), amount()).prop_map(|(from, amount)| Step::Withdraw { from, amount }),
        1 => (account(), 0..=150_i64).prop_map(|(account, balance)| Step::Set { account, balance }),
        1 => (account(), 0..=80_i64).prop_map(|(account, limit)| Step::Limit { account, limit }),
        1 => Just(Step::Wait),
    ];
    prop::collection::vec(step, 1..50)
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Money {
    balance: i64,
    held: i64,
    limit: i64,
}

impl Money {
    fn available(&self) -> i64 {
        self.balance - self.held + self.limit
    }
}

#[derive(Debug, Clone)]
struct Held {
    id: TransferId,
    from: usize,
    to: usize,
    amount: i64,
    is_open: bool,
    ends: i64,
}

#[derive(Debug, Clone)]
struct Sent {
    id: TransferId,
    /// None: outside.
    from: Option<usize>,
    to: Option<usize>,
    left: i64,
}

/// What should be.
#[derive(Debug, Default)]
struct Model {
    accounts: Vec<Money>,
    holds: Vec<Held>,
    sent: Vec<Sent>,
    now: i64,
}

impl Model {
    /// Ends the holds that ran out.
    fn expire(&mut self) {
        for hold in self.holds.iter_mut().filter(|hold| hold.is_open && hold.ends <= self.now) {
            hold.is_open = false;
            self.accounts[hold.from].held -= hold.amount;
        }
    }

    fn can_spend(&self, from: usize, amount: i64) -> bool {
        self.accounts[from].available() >= amount
    }
}

struct Bank {
    fixture: Fixture,
}

impl Bank {
    async fn post(&self, command: Command) -> Result<bank_service::operations::ledger::Posted, TransferError> {
        let state = &self.fixture.app.running.state;
        let caller = Caller { user_id: None, scope: Scope::All };
        state.ledger.post(Request { ctx: state.ctx_anonymous(), caller, key: None, command }).await
    }

    async fn set(&self, account: AccountId, wanted: SetMoney) -> Result<(), SetMoneyError> {
        let state = &self.fixture.app.running.state;
        let set = move |db: &mut _, ctx: &_| update_account(db, ctx, Scope::All, account, wanted, &Expected::any());
        state.store.write(&state.ctx_anonymous(), set).await.map(drop)
    }

    async fn open_accounts(&self) -> Vec<AccountId> {
        let mut accounts = Vec::new();
        let command = OpenAccount {
            client_id: ClientId::try_new(self.fixture.ada.client).ok(),
            bank_id: BankId::try_new(self.fixture.bank).unwrap(),
            balance: Balance::try_new(100).unwrap(),
            currency: Currency::EUR,
        };
        for _ in 0..ACCOUNTS {
            let (state, command) = (&self.fixture.app.running.state, command.clone());
            let open = move |db: &mut _, ctx: &_| open_account(db, ctx, Scope::All, &command);
            accounts.push(state.store.write(&state.ctx_anonymous(), open).await.unwrap().id);
        }
        accounts
    }

    /// Runs the steps on new accounts, beside the model.
    async fn run(&self, steps: &[Step]) -> Result<(), String> {
        let accounts = self.open_accounts().await;
        let start = Money { balance: 100, ..Money::default() };
        let mut model = Model { accounts: vec![start; ACCOUNTS], ..Model::default() };
        for (number, step) in steps.iter().enumerate() {
            let (expected, done) = self.step(&mut model, &accounts, step).await;
            if expected != done {
                return Err(format!("step {number}, {step:?}: done {done}, the model says {expected}; {model:?}"));
            }
            self.compare(&model, &accounts).await.map_err(|fault| format!("after step {number}, {step:?}: {fault}"))?;
        }
        let found = self.fixture.app.running.state.store.read(verify).await.map_err(|error| error.to_string())?;
        if found.is_clean() { Ok(()) } else { Err(found.listed.join("; ")) }
    }

    async fn compare(&self, model: &Model, accounts: &[AccountId]) -> Result<(), String> {
        for (money, account) in model.accounts.iter().zip(accounts) {
            let state = &self.fixture.app.running.state;
            let is = state.store.account(Scope::All, *account).await.map_err(|error| error.to_string())?.unwrap();
            let is = Money { balance: is.balance, held: is.held, limit: is.overdraft_limit };
            if is != *money {
                return Err(format!("account {account} is {is:?}, the model says {money:?}"));
            }
        }
        Ok(())
    }

    /// Whether the model expects the step to be done, and whether it was; the model is changed if it was.
    async fn step(&self, model: &mut Model, accounts: &[AccountId], step: &Step) -> (bool, bool) {
        let ledger = |account: usize| LedgerId::of_account(accounts[account]);
        let some = |minor: i64| Amount::try_new(minor).unwrap();
        let order = |from, to, amount, hold| {
            let hold = if hold { Some(TimeDelta::seconds(HOLD_SECONDS)) } else { None };
            let (from, to, amount) = (ledger(from), ledger(to), some(amount));
            Order { from, to, amount, currency: None, kind: TransferKind::Transfer, text: Text::default(), hold }
        };
        match *step {
            Step::Transfer { from, to, amount } => {
                let done = self.post(Command::Transfer(order(from, to, amount, false))).await;
                let expected = from != to && model.can_spend(from, amount);
                if let Ok(posted) = &done {
                    model.accounts[from].balance -= amount;
                    model.accounts[to].balance += amount;
                    model.sent.push(Sent { id: posted.transfer.id, from: Some(from), to: Some(to), left: amount });
                }
                (expected, done.is_ok())
            }
            Step::Hold { from, to, amount } => {
                let done = self.post(Command::Transfer(order(from, to, amount, true))).await;
                let expected = from != to && model.can_spend(from, amount);
                if let Ok(posted) = &done {
                    model.accounts[from].held += amount;
                    let ends = model.now + HOLD_SECONDS;
                    model.holds.push(Held { id: posted.transfer.id, from, to, amount, is_open: true, ends });
                }
                (expected, done.is_ok())
            }
            Step::Capture { hold, amount } => {
                let Some(index) = hold.checked_rem(model.holds.len()) else { return (true, true) };
                let held = model.holds[index].clone();
                let done = self.post(Command::Capture { hold: held.id, amount: Some(some(amount)) }).await;
                let expected = held.is_open && model.now < held.ends && amount <= held.amount;
                if let Ok(posted) = &done {
                    model.holds[index].is_open = false;
                    model.accounts[held.from].held -= held.amount;
                    model.accounts[held.from].balance -= amount;
                    model.accounts[held.to].balance += amount;
                    let (from, to) = (Some(held.from), Some(held.to));
                    model.sent.push(Sent { id: posted.transfer.id, from, to, left: amount });
                }
                (expected, done.is_ok())
            }
            Step::Void { hold } => {
                let Some(index) = hold.checked_rem(model.holds.len()) else { return (true, true) };
                let held = model.holds[index].clone();
                let done = self.post(Command::Void { hold: held.id }).await;
                if let Ok(posted) = &done {
                    assert_eq!(posted.transfer.status, TransferStatus::Voided);
                    model.holds[index].is_open = false;
                    model.accounts[held.from].held -= held.amount;
                }
                (held.is_open && model.now < held.ends, done.is_ok())
            }
            Step::Reverse { transfer, amount } => {
                let Some(index) = transfer.checked_rem(model.sent.len()) else { return (true, true) };
                let Sent { id, from, to, left } = model.sent[index].clone();
                let done = self
                    .post(Command::Reverse { transfer: id, amount: Some(some(amount)), text: Text::default() })
                    .await;
                let expected = amount <= left && to.is_none_or(|to| model.accounts[to].available() >= amount);
                if done.is_ok() {
                    model.sent[index].left -= amount;
                    to.inspect(|to| model.accounts[*to].balance -= amount);
                    from.inspect(|from| model.accounts[*from].balance += amount);
                }
                (expected, done.is_ok())
            }
            Step::Deposit { to, amount } => self.outside(model, TransferKind::Deposit, (to, ledger(to)), amount).await,
            Step::Withdraw { from, amount } => {
                self.outside(model, TransferKind::Withdrawal, (from, ledger(from)), amount).await
            }
            Step::Set { account, balance } => self.set_balance(model, accounts, account, balance).await,
            Step::Limit { account, limit } => self.set_limit(model, accounts, account, limit).await,
            Step::Wait => {
                model.now += HOLD_SECONDS / 2;
                self.fixture.app.clock.advance(std::time::Duration::from_secs(HOLD_SECONDS.unsigned_abs() / 2));
                let state = &self.fixture.app.running.state;
                // The service's own task may have been first.
                let done = expire_holds(&state.ledger, &state.ctx_anonymous()).await;
                model.expire();
                (true, done.is_ok())
            }
        }
    }

    async fn set_balance(
        &self,
        model: &mut Model,
        accounts: &[AccountId],
        account: usize,
        balance: i64,
    ) -> (bool, bool) {
        let wanted = SetMoney { balance: Balance::try_new(balance).ok(), overdraft_limit: None };
        let expected = balance >= model.accounts[account].held;
        match self.set(accounts[account], wanted).await {
            Ok(()) => model.accounts[account].balance = balance,
            Err(SetMoneyError::Refused(Refusal::BelowHeld { .. })) => return (expected, false),
            Err(error) => panic!("{error:?}"),
        }
        (expected, true)
    }

    async fn set_limit(&self, model: &mut Model, accounts: &[AccountId], account: usize, limit: i64) -> (bool, bool) {
        let wanted = SetMoney { balance: None, overdraft_limit: Balance::try_new(limit).ok() };
        let done = self.set(accounts[account], wanted).await.is_ok();
        let expected = Money { limit, ..model.accounts[account].clone() }.available() >= 0;
        if done {
            model.accounts[account].limit = limit;
        }
        (expected, done)
    }

    async fn outside(
        &self,
        model: &mut Model,
        kind: TransferKind,
        (account, ledger): (usize, LedgerId),
        amount: i64,
    ) -> (bool, bool) {
        let minor = Amount::try_new(amount).unwrap();
        let done = self.post(Command::Outside { kind, account: ledger, amount: minor, text: Text::default() }).await;
        let is_deposit = kind == TransferKind::Deposit;
        let expected = is_deposit || model.can_spend(account, amount);
        if let Ok(posted) = &done {
            model.accounts[account].balance += if is_deposit { amount } else { -amount };
            let (from, to) = if is_deposit { (None, Some(account)) } else { (Some(account), None) };
            model.sent.push(Sent { id: posted.transfer.id, from, to, left: amount });
        }
        (expected, done.is_ok())
    }
}

#[expect(clippy::disallowed_methods, reason = "the test's own setting, not the service's configuration")]
fn cases() -> u32 {
    std::env::var("LEDGER_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24)
}

#[test]
fn every_sequence_does_what_a_model_of_a_few_lines_does() {
    let system = actix_web::rt::System::new();
    let bank = system.block_on(async { Bank { fixture: Fixture::new().await } });
    let mut runner = TestRunner::new(Config { cases: cases(), failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&steps(), |steps| {
        system.block_on(bank.run(&steps)).map_err(TestCaseError::fail)?;
        Ok(())
    });
    if let Err(fault) = outcome {
        panic!("{fault}");
    }
}
