//! A bank is logged only after the mail server's 250: also when that server is away, refuses twice with 451, or the callback
//! consumer dies in between. A 550 leads to `email.rejected`, no log entry, and a receipt that says so.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::bail;
use system_tests::say;

use super::{Extent, Outcome, journeys};
use crate::process::Service;
use crate::sink::Rule;
use crate::stage::{House, Stage};

const PATIENCE: Duration = Duration::from_mins(2);
/// How long the mail server is away at least: about as long as the mail that is refused twice takes anyway.
const AWAY: Duration = Duration::from_secs(30);

pub(crate) async fn run(house: &House, extent: Extent) -> anyhow::Result<Outcome> {
    let mut stage = Stage::open(house, "bank-created", None).await?;
    let mut faults = Vec::new();
    // Refused twice: comes after 5 and 30 s, while the other cases go on.
    stage.sink.add_rule(Rule { text: "Twice Refused".to_owned(), answer: "451 later", times: 2 });
    let twice = stage.ledger.named_bank("Twice Refused").await?;
    refused_for_good(&mut stage, &mut faults).await?;
    mail_server_away(&mut stage, extent.longest_outage.max(AWAY), &mut faults).await?;
    callback_dies(&mut stage).await?;
    let event = event_of(&stage, twice).await?;
    let mut findings = stage.settle().await?;
    faults.extend(journeys::after_success(&stage, &event).await?);
    if stage.sink.refused(&event) != 2 {
        faults.push(format!("the mail was refused {} times, not twice", stage.sink.refused(&event)));
    }
    for fault in faults {
        say(&format!("bank-created: FAULT {fault}"));
        findings.faults.push(fault);
    }
    super::finish(stage, findings).await
}

async fn refused_for_good(stage: &mut Stage<'_>, faults: &mut Vec<String>) -> anyhow::Result<()> {
    stage.sink.add_rule(Rule { text: "Never Welcome".to_owned(), answer: "550 no", times: u32::MAX });
    let bank = stage.ledger.named_bank("Never Welcome").await?;
    stage.expected.refused_banks.insert(bank);
    let event = event_of(stage, bank).await?;
    let begun = Instant::now();
    let receipt = loop {
        if let Some(receipt) = stage.tables.receipts().await?.remove(&event) {
            break receipt;
        }
        if begun.elapsed() > PATIENCE {
            bail!("no receipt for a mail that was refused");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    if receipt.sent || receipt.posted {
        faults.push("a refused mail has a receipt that says it was sent".to_owned());
    }
    if stage.sink.refused(&event) != 1 {
        faults.push("a mail that was refused for good was tried again".to_owned());
    }
    faults.extend(journeys::after_refusal(stage, &event).await?);
    say("bank-created: 550 is a rejected receipt, a rejected journey, and no log entry");
    Ok(())
}

async fn mail_server_away(stage: &mut Stage<'_>, length: Duration, faults: &mut Vec<String>) -> anyhow::Result<()> {
    let before = stage.attempts().await?;
    stage.smtp.down();
    let mut banks = BTreeSet::new();
    for _ in 0..10 {
        banks.insert(stage.ledger.bank().await?);
    }
    tokio::time::sleep(length).await;
    let world = stage.look().await?;
    let early = world.events.iter().filter(|(id, event)| {
        let ours = event.kind == "bank.created" && event.about.is_some_and(|about| banks.contains(&about));
        ours && (world.entries.contains_key(*id) || world.receipts.contains_key(*id))
    });
    let early = early.count();
    if early > 0 {
        faults.push(format!("{early} banks were logged while the mail server was away"));
    }
    for (id, _) in world.events.iter().filter(|(_, event)| event.about.is_some_and(|about| banks.contains(&about))) {
        faults.extend(journeys::on_the_way(stage, id).await?);
    }
    let spent = stage.attempts().await? - before;
    // The one that is refused twice spends its own.
    if spent > 2 {
        faults.push(format!("{spent} attempts were spent while the mail server was away"));
    }
    stage.smtp.up();
    say(&format!("bank-created: {} banks waited {} s for the mail server", banks.len(), length.as_secs()));
    Ok(())
}

/// The mail is out; bank-service dies with its confirmation in hand, and again before it is posted.
async fn callback_dies(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    for point in ["ack.delivered", "ack.recorded", "post.sent"] {
        stage.arm(Service::Bank, point).await?;
        let ledger = std::sync::Arc::clone(&stage.ledger);
        let asking = service_kit::task::spawn("bank", async move { ledger.bank().await });
        if !stage.await_death(Service::Bank, point, PATIENCE).await? {
            bail!("bank-service never came to {point}");
        }
        stage.launch(Service::Bank, None).await?;
        asking.await??;
    }
    say("bank-created: the callback consumer died three times with a confirmation in hand");
    Ok(())
}

/// The id of the event of a bank.
async fn event_of(stage: &Stage<'_>, bank: i64) -> anyhow::Result<String> {
    let events = stage.tables.events().await?;
    let of_bank = |(id, event): (String, crate::world::Event)| {
        (event.kind == "bank.created" && event.about == Some(bank)).then_some(id)
    };
    events.into_iter().find_map(of_bank).ok_or_else(|| anyhow::anyhow!("bank {bank} has no event"))
}
