//! The real ledger, which does each step beside the model.

use std::cell::Cell;

use bank_service::domain::balance::Balance;
use bank_service::domain::ledger::{
    Amount, Caller, LedgerAccount, LedgerId, Order as Asked, Refusal, Text, TransferId, TransferKind,
};
use bank_service::domain::scope::Scope;
use bank_service::domain::version::Expected;
use bank_service::operations::accounts::{OpenAccount, open_account, update_account};
use bank_service::operations::ledger::{
    BatchError, Command, Posted, Request, SetMoney, SetMoneyError, TransferError, expire_holds,
};
use bank_service::store::ledger::{TransferKey, find, verify};
use bank_service::store::{IdempotencyKey, StoreError};
use chrono::TimeDelta;
use shared_events::{AccountId, BankId, ClientId, Currency};

use super::model::{FIRST, HOLD_SECONDS, Model, Money, Planted, WAIT_SECONDS};
use super::steps::{ACCOUNTS, Order, Step};
use crate::resources::fixture::Fixture;

pub(super) struct Bank {
    fixture: Fixture,
    /// The violations that runs have left in the ledger so far.
    violations: Cell<u64>,
}

/// Where the ledger and the model differ.
#[derive(Debug)]
pub(super) struct Difference {
    /// How many steps had been run.
    pub(super) steps: usize,
    pub(super) text: String,
}

/// What became of a step.
enum Done {
    /// It picks a hold or a transfer, and there is none.
    Nothing,
    Refused,
    /// With the transfers that it made.
    Ids(Vec<TransferId>),
}

impl Bank {
    pub(super) async fn new() -> Self {
        Self { fixture: Fixture::new().await, violations: Cell::new(0) }
    }

    /// Runs the steps on new accounts, beside a new model.
    pub(super) async fn run(&self, steps: &[Step], planted: Option<Planted>) -> Result<(), Difference> {
        let accounts = self.open_accounts().await;
        let mut model = Model::new(planted);
        for (number, step) in steps.iter().enumerate() {
            let step_done = self.step(&mut model, &accounts, step).await;
            step_done.map_err(|text| Difference { steps: number + 1, text: format!("{step:?}: {text}") })?;
        }
        let found = self.fixture.app.running.state.store.read(verify).await.unwrap();
        if found.violations == self.violations.replace(found.violations) {
            return Ok(());
        }
        Err(Difference { steps: steps.len(), text: found.listed.join("; ") })
    }

    async fn step(&self, model: &mut Model, accounts: &[LedgerId], step: &Step) -> Result<(), String> {
        let expected = model.expects(step);
        match self.perform(model, accounts, step).await? {
            Done::Nothing => return Ok(()),
            Done::Ids(ids) if expected => model.apply(step, &ids),
            Done::Refused if !expected => {}
            Done::Ids(_) => return Err(format!("it was done, and the model refuses it with {:?}", model.accounts)),
            Done::Refused => return Err(format!("it was refused, and the model does it with {:?}", model.accounts)),
        }
        self.compare(model, accounts).await
    }

    async fn compare(&self, model: &Model, accounts: &[LedgerId]) -> Result<(), String> {
        let ids = accounts.to_vec();
        let store = &self.fixture.app.running.state.store;
        let found = store.read(move |db| find(db, &ids)).await.map_err(|error: StoreError| error.to_string())?;
        let money = |account: &LedgerAccount| Money {
            balance: account.balance,
            held: account.held,
            limit: -account.min_balance,
        };
        for (id, expected) in accounts.iter().zip(&model.accounts) {
            let is = found.iter().find(|account| account.id == *id).map(money);
            if is != Some(*expected) {
                return Err(format!("{id:?} has {is:?}, the model says {expected:?}"));
            }
        }
        Ok(())
    }

    async fn perform(&self, model: &Model, accounts: &[LedgerId], step: &Step) -> Result<Done, String> {
        let transfer = |order, hold| Command::Transfer(asked(accounts, order, hold));
        let outside = |kind, account: usize, amount| {
            let (account, amount) = (accounts[account], Amount::try_new(amount).unwrap());
            Command::Outside { kind, account, amount, text: Text::default() }
        };
        let command = match *step {
            Step::Transfer(order) => transfer(order, false),
            Step::Hold(order) => transfer(order, true),
            Step::Twice(order) => return self.twice(transfer(order, false)).await,
            Step::Both(first, second) => return self.both([transfer(first, false), transfer(second, false)]).await,
            Step::Capture { hold, amount } => {
                let Some(held) = model.hold(hold) else { return Ok(Done::Nothing) };
                Command::Capture { hold: held.id, amount: amount.map(|minor| Amount::try_new(minor).unwrap()) }
            }
            Step::Void { hold } => {
                let Some(held) = model.hold(hold) else { return Ok(Done::Nothing) };
                Command::Void { hold: held.id }
            }
            Step::Reverse { transfer, amount } => {
                let Some(sent) = model.transfer(transfer) else { return Ok(Done::Nothing) };
                let amount = Some(Amount::try_new(amount).unwrap());
                Command::Reverse { transfer: sent.id, amount, text: Text::default() }
            }
            Step::Deposit { to, amount } => outside(TransferKind::Deposit, to, amount),
            Step::Withdraw { from, amount } => outside(TransferKind::Withdrawal, from, amount),
            Step::Set { account, balance } => {
                let wanted = SetMoney { balance: Balance::try_new(balance).ok(), overdraft_limit: None };
                return self.set(accounts[account], wanted).await;
            }
            Step::Limit { account, limit } => {
                let wanted = SetMoney { balance: None, overdraft_limit: Balance::try_new(limit).ok() };
                return self.set(accounts[account], wanted).await;
            }
            Step::Wait => return self.wait().await,
        };
        let posted = self.post(command, None).await?;
        Ok(posted.map_or(Done::Refused, |posted| Done::Ids(vec![posted.transfer.id])))
    }

    fn request(&self, command: Command, key: Option<TransferKey>) -> Request {
        let caller = Caller { user_id: None, scope: Scope::All };
        Request { ctx: self.fixture.app.running.state.ctx_anonymous(), caller, key, command }
    }

    /// None if it was refused.
    async fn post(&self, command: Command, key: Option<TransferKey>) -> Result<Option<Posted>, String> {
        match self.fixture.app.running.state.ledger.post(self.request(command, key)).await {
            Ok(posted) => Ok(Some(posted)),
            Err(TransferError::Refused(_)) => Ok(None),
            Err(error) => Err(format!("{error:?}")),
        }
    }

    async fn twice(&self, command: Command) -> Result<Done, String> {
        let given = IdempotencyKey {
            caller: "the model".to_owned(),
            key: TransferId::new().to_string(),
            request_hash: "the same".to_owned(),
        };
        let key = TransferKey::of(&given, 0);
        let first = self.post(command.clone(), Some(key.clone())).await?;
        let second = self.post(command, Some(key)).await?;
        match (first, second) {
            (None, None) => Ok(Done::Refused),
            (Some(first), Some(second)) if second.is_replayed && first.transfer == second.transfer => {
                Ok(Done::Ids(vec![first.transfer.id]))
            }
            (first, second) => Err(format!("the same request gave {first:?} and {second:?}")),
        }
    }

    async fn both(&self, commands: [Command; 2]) -> Result<Done, String> {
        let requests = commands.map(|command| self.request(command, None)).to_vec();
        match self.fixture.app.running.state.ledger.post_atomically(requests).await {
            Ok(posted) => Ok(Done::Ids(posted.iter().map(|one| one.transfer.id).collect())),
            Err(BatchError::Refused(_)) => Ok(Done::Refused),
            Err(error) => Err(format!("{error:?}")),
        }
    }

    async fn set(&self, id: LedgerId, wanted: SetMoney) -> Result<Done, String> {
        let state = &self.fixture.app.running.state;
        let account = id.account().unwrap();
        let set = move |db: &mut _, ctx: &_| update_account(db, ctx, Scope::All, account, wanted, &Expected::any());
        match state.store.write(&state.ctx_anonymous(), set).await.map(drop) {
            Ok(()) => Ok(Done::Ids(Vec::new())),
            Err(SetMoneyError::Refused(Refusal::BelowHeld { .. } | Refusal::OverdraftInUse)) => Ok(Done::Refused),
            Err(error) => Err(format!("{error:?}")),
        }
    }

    async fn wait(&self) -> Result<Done, String> {
        self.fixture.app.clock.advance(std::time::Duration::from_secs(WAIT_SECONDS.unsigned_abs()));
        let state = &self.fixture.app.running.state;
        // The service's own task may have been first.
        let ended = expire_holds(&state.ledger, &state.ctx_anonymous()).await;
        ended.map(|_| Done::Ids(Vec::new())).map_err(|error| error.to_string())
    }

    async fn open_accounts(&self) -> Vec<LedgerId> {
        let mut accounts = Vec::new();
        let command = OpenAccount {
            client_id: ClientId::try_new(self.fixture.ada.client).ok(),
            bank_id: BankId::try_new(self.fixture.bank).unwrap(),
            balance: Balance::try_new(FIRST).unwrap(),
            currency: Currency::EUR,
        };
        for _ in 0..ACCOUNTS {
            let (state, command) = (&self.fixture.app.running.state, command.clone());
            let open = move |db: &mut _, ctx: &_| open_account(db, ctx, Scope::All, &command, None);
            let id: AccountId = state.store.write(&state.ctx_anonymous(), open).await.unwrap().id;
            accounts.push(LedgerId::of_account(id));
        }
        accounts
    }
}

fn asked(accounts: &[LedgerId], (from, to, amount): Order, is_hold: bool) -> Asked {
    Asked {
        from: accounts[from],
        to: accounts[to],
        amount: Amount::try_new(amount).unwrap(),
        currency: None,
        kind: TransferKind::Transfer,
        text: Text::default(),
        hold: if is_hold { Some(TimeDelta::seconds(HOLD_SECONDS)) } else { None },
    }
}
