//! The money of `--demo`: accounts and cards that were opened three months ago, and what has moved since, each at its own time.
//!
//! HTTP posts everything at the present, so this uses the operations behind it, which write the same events. It goes forward in
//! time, since no entry may be earlier than the one before it.

use bank_service::domain::account::Account;
use bank_service::domain::balance::Balance;
use bank_service::domain::card::{Card, NewCard};
use bank_service::domain::ledger::{Amount, Caller, LedgerId, Order, Text, TransferId, TransferKind};
use bank_service::domain::scope::Scope;
use bank_service::http::AppState;
use bank_service::operations::accounts::{OpenAccount, open_account};
use bank_service::operations::ledger::{Command, IssueCard, Request};
use bank_service::store::Ctx;
use chrono::{DateTime, TimeDelta, Utc};

/// How many days ago the accounts were opened.
const DAYS: i64 = 90;
const WEEKS: i64 = 12;
/// A client that has no account yet.
pub(crate) struct DemoClient {
    pub(crate) id: i64,
    pub(crate) bank: i64,
    /// The first balance, and the amount that comes each month.
    pub(crate) balance: i64,
    pub(crate) currency: &'static str,
}

/// The account of a client, and the first of its cards.
struct Holding {
    account: LedgerId,
    card: LedgerId,
    salary: i64,
}

/// Opens the accounts and moves money until now. The first and the last client have the same currency.
pub(crate) async fn move_money(state: &AppState, clients: &[DemoClient]) -> anyhow::Result<()> {
    let history = History { state, start: state.clock.now() - TimeDelta::days(DAYS) };
    let mut holdings = Vec::new();
    for client in clients {
        holdings.push(history.open(client).await?);
    }
    let [first, others @ .., last] = holdings.as_slice() else { return Ok(()) };
    for week in 0..WEEKS {
        let day = week * 7 + 1;
        if week % 4 == 0 {
            history.month(day, week / 4 + 1, &holdings).await?;
            history.pay(day, first, last, 60_000, "Rent").await?;
        }
        history.pay(day + 2, first, last, 2_500, "Lunch").await?;
        let top_up = order(first.account, first.card, 5_000, "Shopping")?;
        history.post(day + 3, Command::Transfer(top_up)).await?;
        if week % 2 == 1 {
            history.pay(day + 4, last, first, 4_000, "Concert").await?;
        }
        if week % 4 == 2 {
            for other in others {
                history.outside(day + 5, TransferKind::Withdrawal, other, other.salary / 4, "Cash").await?;
            }
        }
    }
    history.recent(first, last).await
}

struct History<'a> {
    state: &'a AppState,
    start: DateTime<Utc>,
}

impl History<'_> {
    /// So many days after the accounts were opened.
    fn ctx(&self, day: i64) -> Ctx {
        let mut ctx = self.state.ctx_anonymous();
        ctx.now = self.start + TimeDelta::days(day);
        ctx
    }

    async fn open(&self, client: &DemoClient) -> anyhow::Result<Holding> {
        let ctx = self.ctx(0);
        let wanted = OpenAccount {
            client_id: Some(client.id.try_into()?),
            bank_id: client.bank.try_into()?,
            balance: Balance::requested(client.balance)?,
            currency: client.currency.parse()?,
        };
        let open = move |db: &mut _, ctx: &Ctx| open_account(db, ctx, Scope::All, &wanted, None);
        let account = self.state.store.write(&ctx, open).await?;
        let card = self.issue(&ctx, &account, 10_000).await?;
        self.issue(&ctx, &account, 0).await?;
        Ok(Holding { account: LedgerId::of_account(account.id), card, salary: client.balance })
    }

    async fn issue(&self, ctx: &Ctx, account: &Account, balance: i64) -> anyhow::Result<LedgerId> {
        let (ctx, scope) = (ctx.clone(), Scope::All);
        let wanted = NewCard::new(account.id, Balance::requested(balance)?);
        // The answer is the card's id alone.
        let body_of = |card: &Card| serde_json::to_string(&card.id);
        let issued = self.state.ledger.issue_card(IssueCard { ctx, scope, wanted, key: None, body_of });
        Ok(LedgerId::of_card(serde_json::from_str(&issued.await?.body)?))
    }

    /// Pays everybody's salary of a month.
    async fn month(&self, day: i64, number: i64, holdings: &[Holding]) -> anyhow::Result<()> {
        for holding in holdings {
            let text = format!("Salary {number}");
            self.outside(day, TransferKind::Deposit, holding, holding.salary, &text).await?;
        }
        Ok(())
    }

    /// Holds, one captured and one open, and a payment that was reversed. A hold has to be in force at the present, or it ends by
    /// itself.
    async fn recent(&self, first: &Holding, last: &Holding) -> anyhow::Result<()> {
        let held = |amount, about, days| {
            let order = order(first.account, last.account, amount, about)?;
            anyhow::Ok(Command::Transfer(Order { hold: Some(TimeDelta::days(days)), ..order }))
        };
        let hotel = self.post(83, held(4_500, "Hotel", 30)?).await?;
        self.post(85, Command::Capture { hold: hotel, amount: Some(Amount::try_new(3_000)?) }).await?;
        let twice = self.pay(86, first, last, 2_500, "Lunch").await?;
        let text = Text { reference: None, description: Some("Paid twice".to_owned()) };
        self.post(87, Command::Reverse { transfer: twice, amount: None, text }).await?;
        self.post(89, held(7_500, "Rental car", 7)?).await?;
        Ok(())
    }

    async fn pay(
        &self,
        day: i64,
        from: &Holding,
        to: &Holding,
        amount: i64,
        about: &str,
    ) -> anyhow::Result<TransferId> {
        self.post(day, Command::Transfer(order(from.account, to.account, amount, about)?)).await
    }

    async fn outside(
        &self,
        day: i64,
        kind: TransferKind,
        holding: &Holding,
        amount: i64,
        about: &str,
    ) -> anyhow::Result<TransferId> {
        let (account, amount, text) = (holding.account, Amount::try_new(amount)?, text(about));
        self.post(day, Command::Outside { kind, account, amount, text }).await
    }

    async fn post(&self, day: i64, command: Command) -> anyhow::Result<TransferId> {
        let caller = Caller { user_id: None, scope: Scope::All };
        let posted = self.state.ledger.post(Request { ctx: self.ctx(day), caller, key: None, command }).await?;
        Ok(posted.transfer.id)
    }
}

fn order(from: LedgerId, to: LedgerId, amount: i64, about: &str) -> anyhow::Result<Order> {
    let (amount, text) = (Amount::try_new(amount)?, text(about));
    Ok(Order { from, to, amount, currency: None, kind: TransferKind::Transfer, text, hold: None })
}

fn text(about: &str) -> Text {
    Text { reference: Some(about.to_uppercase().replace(' ', "-")), description: Some(about.to_owned()) }
}
