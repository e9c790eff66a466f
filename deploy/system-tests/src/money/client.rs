//! The requests of a client that moves money.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::{Answered, Asked, Book, Pot};

/// How often a batch is repeated until all of it is done.
const MAX_REPEATS: u32 = 600;
const PAUSE: Duration = Duration::from_millis(20);

/// Repeats a request under its key until there is an answer; gives it.
pub trait Caller: Sync {
    fn send(&self, path: &str, key: &str, body: &Value) -> impl Future<Output = anyhow::Result<Value>> + Send;
}

/// Whose money a round moves.
#[derive(Debug, Clone, Copy)]
pub struct Pots {
    /// An account that all clients use at the same time, with more money than they move.
    pub shared: Pot,
    /// The client's own, with a card of this account or another one.
    pub account: Pot,
    pub card: Pot,
}

/// Moves money, and notes what it was answered.
pub struct Mover<'a, C> {
    pub caller: &'a C,
    pub book: &'a Book,
}

impl<C: Caller> Mover<'_, C> {
    /// Some transfers, and in turns: a reversal, a hold that is captured in part, one that is voided, one that stays open, batches.
    pub async fn round(&self, key: &str, round: u64, pots: Pots) -> anyhow::Result<()> {
        let Pots { shared, account, card } = pots;
        let sent = self.transfer(&format!("{key}-a"), (shared, account, 9)).await?;
        self.transfer(&format!("{key}-b"), (account, card, 4)).await?;
        let next = format!("{key}-c");
        match round % 6 {
            0 => self.reverse(&next, &sent, (account, shared, 2)).await,
            1 => {
                let hold = self.hold(&next, (card, account, 3)).await?;
                self.capture(&format!("{key}-d"), &hold, 2).await
            }
            2 => {
                let hold = self.hold(&next, (shared, card, 5)).await?;
                self.void(&format!("{key}-d"), &hold).await
            }
            3 => self.hold(&next, (account, shared, 1)).await.map(drop),
            more => {
                let orders = [(shared, card, 3), (account, shared, 2), (card, account, 1)];
                self.batch(&next, more == 5, &orders).await
            }
        }
    }

    /// The id of the transfer.
    pub async fn transfer(&self, key: &str, order: (Pot, Pot, i64)) -> anyhow::Result<String> {
        let answer = self.caller.send("/api/transfers", key, &body_of(key, order)).await?;
        let id = id_of(&answer)?;
        self.book.lock().posted(&id, asked(key, order, "posted"), "transfer.posted");
        Ok(id)
    }

    async fn hold(&self, key: &str, order: (Pot, Pot, i64)) -> anyhow::Result<String> {
        let mut body = body_of(key, order);
        body["hold"] = json!(true);
        let id = id_of(&self.caller.send("/api/transfers", key, &body).await?)?;
        self.book.lock().held(&id, asked(key, order, "held"));
        Ok(id)
    }

    async fn capture(&self, key: &str, hold: &str, amount: i64) -> anyhow::Result<()> {
        let path = format!("/api/transfers/{hold}/capture");
        let id = id_of(&self.caller.send(&path, key, &json!({ "amount": amount })).await?)?;
        let mut answered = self.book.lock();
        answered.ended(hold, "captured");
        let original = answered.transfers.get(hold).cloned().context("a hold that was asked for")?;
        answered.posted(&id, Asked { amount, status: "posted", ..original }, "transfer.captured");
        Ok(())
    }

    async fn void(&self, key: &str, hold: &str) -> anyhow::Result<()> {
        self.caller.send(&format!("/api/transfers/{hold}/void"), key, &json!({})).await?;
        let mut answered = self.book.lock();
        answered.ended(hold, "voided");
        answered.effects.insert((hold.to_owned(), "transfer.voided"));
        Ok(())
    }

    /// `order` is what moves now: the other way than the transfer did.
    async fn reverse(&self, key: &str, transfer: &str, order: (Pot, Pot, i64)) -> anyhow::Result<()> {
        let body = json!({ "amount": order.2, "description": key });
        let id = id_of(&self.caller.send(&format!("/api/transfers/{transfer}/reverse"), key, &body).await?)?;
        self.book.lock().posted(&id, asked(key, order, "posted"), "transfer.reversed");
        Ok(())
    }

    /// Repeated under its key until each of its transfers is done.
    async fn batch(&self, key: &str, is_atomic: bool, orders: &[(Pot, Pot, i64)]) -> anyhow::Result<()> {
        let name = |place: usize| format!("{key}-{place}");
        let bodies: Vec<Value> =
            orders.iter().enumerate().map(|(place, order)| body_of(&name(place), *order)).collect();
        let body = json!({ "atomic": is_atomic, "transfers": bodies });
        for _ in 0..MAX_REPEATS {
            let answer = self.caller.send("/api/transfers/batch", key, &body).await?;
            let results = answer["results"].as_array().cloned().unwrap_or_default();
            let is_done = |result: &Value| result["status"] == 201;
            if results.len() == orders.len() && results.iter().all(is_done) {
                let mut answered = self.book.lock();
                return note_all(&mut answered, key, orders, &results);
            }
            // What failed for now is done by a repetition; what was refused never is.
            let may_pass =
                |result: &Value| result["status"].as_i64().is_some_and(|status| status == 201 || status >= 500);
            if results.len() != orders.len() || !results.iter().all(may_pass) {
                bail!("a batch was answered {answer}");
            }
            tokio::time::sleep(PAUSE).await;
        }
        bail!("a batch was not done in {MAX_REPEATS} tries")
    }
}

fn note_all(answered: &mut Answered, key: &str, orders: &[(Pot, Pot, i64)], results: &[Value]) -> anyhow::Result<()> {
    for ((place, order), result) in orders.iter().enumerate().zip(results) {
        let id = id_of(&result["transfer"])?;
        answered.posted(&id, asked(&format!("{key}-{place}"), *order, "posted"), "transfer.posted");
    }
    Ok(())
}

/// The body of `POST /api/transfers`.
fn body_of(name: &str, (from, to, amount): (Pot, Pot, i64)) -> Value {
    json!({ "from": from.side(), "to": to.side(), "amount": amount, "reference": name })
}

fn asked(name: &str, (from, to, amount): (Pot, Pot, i64), status: &'static str) -> Asked {
    Asked { name: name.to_owned(), from, to, amount, status }
}

fn id_of(answer: &Value) -> anyhow::Result<String> {
    answer["item"]["id"].as_str().map(str::to_owned).with_context(|| format!("no transfer in {answer}"))
}
