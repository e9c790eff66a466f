//! Faults that are planted into the ledger of a quiet system: a request that is done twice, an event that is lost, an answered
//! transfer that is gone, an entry that was changed. The checks must find each, by what it is about.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::json;
use system_tests::money::Pot;
use system_tests::print_line;

use super::Outcome;
use crate::cluster::Cluster;
use crate::fault_env::FaultEnv;
use crate::load::Load;
use crate::servers::Engine;

const LIMIT: Duration = Duration::from_secs(30);
/// Longer than any late message rests.
const STILL: Duration = Duration::from_secs(6);
/// Enough transfers that each kind of round was among them.
const FEWEST: usize = 30;

/// Whether every planted fault was found.
pub(super) async fn run(cluster: &Cluster) -> anyhow::Result<bool> {
    let mut env = FaultEnv::open(cluster, "plant-money", None).await?;
    let (load, begun) = (Load::start(&env.ledger, 2, Duration::from_millis(20)), Instant::now());
    while env.ledger.money.answered().transfers.len() < FEWEST && begun.elapsed() < LIMIT {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    load.stop().await?;
    let before = env.settle_within(LIMIT, STILL).await?;
    if !before.faults.is_empty() || !super::unsound(&env).await?.is_empty() {
        bail!("the ledger is not sound before anything is planted");
    }
    let planted = [
        ("doubled_posting", doubled_posting(&env).await?),
        ("lost_event", lost_event(&env).await?),
        ("lost_transfer", lost_transfer(&env).await?),
        ("changed_entry", changed_entry(&env).await?),
    ];
    let findings = env.settle_within(LIMIT, STILL).await?;
    let unsound = super::unsound(&env).await?;
    let mut found_all = true;
    for (plant, expected) in planted {
        let found = findings.faults.iter().chain(&unsound).any(|fault| fault.contains(&expected));
        print_line(&format!("self-check: {plant} in the ledger: {}", if found { "found" } else { "NOT FOUND" }));
        found_all &= found;
    }
    drop::<Outcome>(super::finish(env, findings).await?);
    Ok(found_all)
}

/// A service that had forgotten the key of a request would do it once more.
async fn doubled_posting(env: &FaultEnv<'_>) -> anyhow::Result<String> {
    let answered = env.ledger.money.answered();
    let asked = answered.transfers.values().find(|asked| asked.name.ends_with("-a")).context("no transfer")?;
    let body = json!({
        "from": asked.from.side(), "to": asked.to.side(), "amount": asked.amount, "reference": asked.name,
    });
    let answer = env.ledger.post("/api/transfers", "planted", &body).await?;
    Ok(format!("doubled: transfer {}", answer["item"]["id"].as_str().context("no transfer")?))
}

/// An event that was never in the outbox is never published.
async fn lost_event(env: &FaultEnv<'_>) -> anyhow::Result<String> {
    let account = env.ledger.account().await?;
    env.proxy(Engine::Broker)?.down();
    let id = env.ledger.pay(Pot::Account(account), 3).await?;
    let of_transfer = format!("event_id = (SELECT event_id FROM transfers WHERE id = '{id}')");
    let deleted = env.tables.change(&format!("DELETE FROM outbox WHERE {of_transfer} AND due_at IS NOT NULL")).await?;
    env.proxy(Engine::Broker)?.up();
    if deleted != 1 {
        bail!("{deleted} events were deleted, not the one of transfer {id}");
    }
    Ok(format!("lost: the transfer.posted of {id}"))
}

/// A commit that was answered and then lost, with all that belongs to it: both entries are the last ones of their accounts.
async fn lost_transfer(env: &FaultEnv<'_>) -> anyhow::Result<String> {
    let account = env.ledger.account().await?;
    let id = env.ledger.pay(Pot::Account(account), 7).await?;
    for sql in [
        "UPDATE ledger_accounts JOIN ledger_entries ON ledger_entries.ledger_id = ledger_accounts.id \
         SET ledger_accounts.balance = ledger_accounts.balance - ledger_entries.amount, ledger_accounts.seq = ledger_accounts.seq - 1 \
         WHERE ledger_entries.transfer_id = ",
        "DELETE FROM ledger_entries WHERE transfer_id = ",
        "DELETE FROM transfers WHERE id = ",
    ] {
        if env.tables.change(&format!("{sql}'{id}'")).await? == 0 {
            bail!("{sql}'{id}' changed nothing");
        }
    }
    Ok(format!("lost: transfer {id}"))
}

/// A history that was changed by hand.
async fn changed_entry(env: &FaultEnv<'_>) -> anyhow::Result<String> {
    let ledger_account = Pot::Account(env.ledger.account().await?).ledger_account();
    let sql = format!("UPDATE ledger_entries SET amount = amount + 1 WHERE ledger_id = {ledger_account} AND seq = 1");
    if env.tables.change(&sql).await? != 1 {
        bail!("{sql} changed nothing");
    }
    Ok(format!("entry 1 of ledger account {ledger_account}:"))
}
