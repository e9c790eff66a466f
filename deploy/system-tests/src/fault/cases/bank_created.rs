//! A bank is logged only after the mail server's 250: also when that server is down, refuses twice with 451, or the callback
//! consumer dies in between. A 550 leads to `email.rejected`, no log entry, and a receipt with the reason.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::bail;
use system_tests::print_line;

use super::{Extent, Outcome, journeys};
use crate::cluster::Cluster;
use crate::fault_env::FaultEnv;
use crate::process::Service;
use crate::sink::Rule;

const WAIT_LIMIT: Duration = Duration::from_mins(2);
/// The shortest outage of the mail server: about as long as a mail that is refused twice takes anyway.
const OUTAGE: Duration = Duration::from_secs(30);

pub(crate) async fn run(cluster: &Cluster, extent: Extent) -> anyhow::Result<Outcome> {
    let mut env = FaultEnv::open(cluster, "bank-created", None).await?;
    let mut faults = Vec::new();
    // Refused twice: comes after 5 and 30 s, while the other cases run.
    env.sink.add_rule(Rule { text: "Twice Refused".to_owned(), answer: "451 later", times: 2 });
    let twice = env.ledger.named_bank("Twice Refused").await?;
    refused_for_good(&mut env, &mut faults).await?;
    mail_server_outage(&mut env, extent.longest_outage.max(OUTAGE), &mut faults).await?;
    callback_dies(&mut env).await?;
    let event = event_of(&env, twice).await?;
    let mut findings = env.settle().await?;
    faults.extend(journeys::after_success(&env, &event).await?);
    if env.sink.refused(&event) != 2 {
        faults.push(format!("the mail was refused {} times, not twice", env.sink.refused(&event)));
    }
    for fault in faults {
        print_line(&format!("bank-created: FAULT {fault}"));
        findings.faults.push(fault);
    }
    super::finish(env, findings).await
}

async fn refused_for_good(env: &mut FaultEnv<'_>, faults: &mut Vec<String>) -> anyhow::Result<()> {
    env.sink.add_rule(Rule { text: "Never Welcome".to_owned(), answer: "550 no", times: u32::MAX });
    let bank = env.ledger.named_bank("Never Welcome").await?;
    env.expected.refused_banks.insert(bank);
    let event = event_of(env, bank).await?;
    let begun = Instant::now();
    let receipt = loop {
        if let Some(receipt) = env.tables.receipts().await?.remove(&event) {
            break receipt;
        }
        if begun.elapsed() > WAIT_LIMIT {
            bail!("no receipt for a mail that was refused");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    if receipt.sent || receipt.posted {
        faults.push("a refused mail has a receipt that says it was sent".to_owned());
    }
    if env.sink.refused(&event) != 1 {
        faults.push("a mail that was refused for good was tried again".to_owned());
    }
    faults.extend(journeys::after_refusal(env, &event).await?);
    print_line("bank-created: 550 is a rejected receipt, a rejected journey, and no log entry");
    Ok(())
}

async fn mail_server_outage(env: &mut FaultEnv<'_>, length: Duration, faults: &mut Vec<String>) -> anyhow::Result<()> {
    let before = env.attempts().await?;
    env.smtp.down();
    let mut banks = BTreeSet::new();
    for _ in 0..10 {
        banks.insert(env.ledger.bank().await?);
    }
    tokio::time::sleep(length).await;
    let snapshot = env.snapshot().await?;
    let early = snapshot.events.iter().filter(|(id, event)| {
        let ours = event.kind == "bank.created" && event.about.is_some_and(|about| banks.contains(&about));
        ours && (snapshot.entries.contains_key(*id) || snapshot.receipts.contains_key(*id))
    });
    let early = early.count();
    if early > 0 {
        faults.push(format!("{early} banks were logged while the mail server was down"));
    }
    for (id, _) in snapshot.events.iter().filter(|(_, event)| event.about.is_some_and(|about| banks.contains(&about))) {
        faults.extend(journeys::on_the_way(env, id).await?);
    }
    let spent = env.attempts().await? - before;
    // The mail that is refused twice spends two itself.
    if spent > 2 {
        faults.push(format!("{spent} attempts were spent while the mail server was down"));
    }
    env.smtp.up();
    print_line(&format!("bank-created: {} banks waited {} s for the mail server", banks.len(), length.as_secs()));
    Ok(())
}

/// The mail is out; bank-service dies with its confirmation in flight, and again before it is posted.
async fn callback_dies(env: &mut FaultEnv<'_>) -> anyhow::Result<()> {
    for point in ["ack.delivered", "ack.recorded", "post.sent"] {
        env.arm(Service::Bank, point).await?;
        let ledger = std::sync::Arc::clone(&env.ledger);
        let creating = service_kit::task::spawn("bank", async move { ledger.bank().await });
        if !env.await_death(Service::Bank, point, WAIT_LIMIT).await? {
            bail!("bank-service never came to {point}");
        }
        env.launch(Service::Bank, None).await?;
        creating.await??;
    }
    print_line("bank-created: the callback consumer died three times with a confirmation in flight");
    Ok(())
}

/// The id of a bank's event.
pub(super) async fn event_of(env: &FaultEnv<'_>, bank: i64) -> anyhow::Result<String> {
    let events = env.tables.events().await?;
    let of_bank = |(id, event): (String, crate::snapshot::Event)| {
        (event.kind == "bank.created" && event.about == Some(bank)).then_some(id)
    };
    events.into_iter().find_map(of_bank).ok_or_else(|| anyhow::anyhow!("bank {bank} has no event"))
}
