//! From the answer to `POST` to the entry in the log: cards are issued as fast as possible, and the log's own count is polled
//! until it has them all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use service_kit::task;

use crate::per_second;
use crate::prepare::Caller;
use crate::wire::Wire;

const POLL: Duration = Duration::from_millis(5);
const LIMIT: Duration = Duration::from_mins(2);
const COUNT: &str = "bank_log_recorded_total{event_type=\"card.created\"";

#[derive(Debug, Args)]
pub(crate) struct Target {
    /// bank-service
    #[arg(long)]
    bank: String,
    /// log-service
    #[arg(long)]
    log: String,
    /// The user who owns the account
    #[arg(long)]
    email: String,
    /// The owner's password
    #[arg(long)]
    password: String,
    /// The account that gets the cards
    #[arg(long)]
    account: i64,
    /// How many cards
    #[arg(long, default_value_t = 20_000)]
    count: u64,
    /// How many at once
    #[arg(long, default_value_t = 32)]
    callers: usize,
}

pub(crate) async fn run(target: Target) -> anyhow::Result<String> {
    let caller = Caller::login(&target.bank, &target.email, &target.password).await?;
    let before = settled(&caller, &target.log).await?;
    let path = format!("/api/accounts/{}/cards", target.account);
    let left = Arc::new(AtomicU64::new(target.count));
    let mut wires = Vec::new();
    for _ in 0..target.callers {
        wires.push(Wire::post(&target.bank, &path, caller.token(), r#"{"balance":1}"#).await?);
    }
    let begun = Instant::now();
    let callers: Vec<_> = wires.into_iter().map(|wire| task::spawn("caller", issue(wire, Arc::clone(&left)))).collect();
    for caller in callers {
        caller.await.context("a caller")??;
    }
    let posted = begun.elapsed();
    while recorded(&caller, &target.log).await? < before + target.count {
        if begun.elapsed() > LIMIT {
            bail!("the log does not have all events after {} s", LIMIT.as_secs());
        }
        tokio::time::sleep(POLL).await;
    }
    let logged = begun.elapsed();
    let (posts, events) = (per_second(target.count, posted), per_second(target.count, logged));
    Ok(format!("posts_rate={posts} events_rate={events} behind_ms={}", logged.saturating_sub(posted).as_millis()))
}

async fn issue(mut wire: Wire, left: Arc<AtomicU64>) -> anyhow::Result<()> {
    let take = |left: u64| left.checked_sub(1);
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
        wire.exchange().await?;
    }
    Ok(())
}

/// The log's count once it does not move any more: what came before is not to be counted.
async fn settled(caller: &Caller, log: &str) -> anyhow::Result<u64> {
    let begun = Instant::now();
    let mut last = recorded(caller, log).await?;
    while begun.elapsed() < LIMIT {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = recorded(caller, log).await?;
        if now == last {
            return Ok(now);
        }
        last = now;
    }
    bail!("the log does not come to rest")
}

/// `logs_recorded_total` of `card.created`: exact, whereas a list's total is capped.
async fn recorded(caller: &Caller, log: &str) -> anyhow::Result<u64> {
    let text = caller.http.get(format!("{log}/metrics")).send().await?.text().await?;
    let line = text.lines().find(|line| line.contains(COUNT));
    let value = line.and_then(|line| line.rsplit(' ').next()).unwrap_or("0");
    value.parse().with_context(|| format!("a count in {line:?}"))
}
