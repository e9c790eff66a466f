//! The checker: compares the clients' answers with rows, the ledger, log entries and mails.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use system_tests::money::{self, Found, FoundTransfer, Money, Pot};

use crate::clients::{Ledger, lock};

/// The longest time for logs and mails to catch up after the last start.
const CATCH_UP: Duration = Duration::from_mins(1);
const PAGES: usize = 100_000;
/// The longest time that the service's own check of its ledger takes.
const VERIFY_LIMIT: Duration = Duration::from_mins(1);

#[derive(Default)]
pub(crate) struct Report {
    requests: u64,
    repeated: u64,
    rows: usize,
    transfers: usize,
    logs: usize,
    mails: usize,
    faults: Vec<String>,
}

impl Report {
    pub(crate) fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "requests {}, repeated after a lost answer {}", self.requests, self.repeated)?;
        let Self { rows, transfers, logs, mails, .. } = self;
        writeln!(f, "rows {rows}, transfers {transfers}, log entries {logs}, mails {mails}")?;
        for fault in self.faults.iter().take(20) {
            writeln!(f, "FAULT {fault}")?;
        }
        if self.is_clean() {
            write!(f, "lost 0, doubled 0, invented 0")
        } else {
            write!(f, "{} faults", self.faults.len())
        }
    }
}

/// Waits until logs and mails have caught up; otherwise reports the differences.
pub(crate) async fn settle(ledger: &Ledger, data: &Path) -> anyhow::Result<Report> {
    let begun = Instant::now();
    loop {
        let mut report = check(ledger, data).await?;
        if report.is_clean() || begun.elapsed() > CATCH_UP {
            report.faults.extend(unsound(ledger).await?);
            return Ok(report);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn check(ledger: &Ledger, data: &Path) -> anyhow::Result<Report> {
    let bank = &ledger.urls.bank;
    let banks = all(ledger, &format!("{bank}/api/banks?")).await?;
    let accounts = all(ledger, &format!("{bank}/api/accounts?")).await?;
    let cards = all(ledger, &format!("{bank}/api/cards?")).await?;
    let logs = all(ledger, &format!("{}/api/logs?", ledger.urls.log)).await?;
    let mails = mails(&data.join("mailbox"))?;
    let mut report = Report {
        requests: ledger.requests.load(Ordering::Relaxed),
        repeated: ledger.repeated.load(Ordering::Relaxed),
        rows: banks.len() + accounts.len() + cards.len(),
        transfers: 0,
        logs: logs.len(),
        mails: mails.values().sum(),
        faults: Vec::new(),
    };
    let faults = &mut report.faults;
    let requested_banks = lock(&ledger.banks).iter().map(|(id, name)| (*id, name.clone())).collect();
    compare(&requested_banks, &fields(&banks, "name"), faults);
    let found = ledger_of(&accounts, &cards, &all(ledger, &format!("{bank}/api/transfers?")).await?, &logs);
    report.transfers = found.transfers.len();
    let answered = ledger.money.answered();
    faults.extend(money::check(&answered, &found).iter().map(ToString::to_string));
    for pot in found.money.keys().filter(|pot| !answered.opened.contains_key(pot)) {
        faults.push(format!("{pot} was never accepted"));
    }
    for (entity, rows, mailed) in [("bank", &banks, true), ("account", &accounts, true), ("card", &cards, false)] {
        check_events(entity, rows, &logs, mailed.then_some(&mails), faults);
    }
    let dead = count_files(&data.join("dead-letters"))?;
    if dead > 0 {
        faults.push(format!("{dead} dead letters"));
    }
    Ok(report)
}

/// The banks are those that clients were answered, with the same names, and no others.
fn compare(requested: &BTreeMap<i64, String>, rows: &BTreeMap<i64, String>, faults: &mut Vec<String>) {
    for (id, name) in requested {
        match rows.get(id) {
            None => faults.push(format!("bank {id} was accepted and is lost")),
            Some(row) if row != name => faults.push(format!("bank {id} is {row}, not {name}")),
            Some(_) => {}
        }
    }
    for id in rows.keys().filter(|id| !requested.contains_key(id)) {
        faults.push(format!("bank {id} was never accepted"));
    }
}

/// Each row has exactly one log entry and, where one is due, exactly one mail of that event; no entry is without a row.
fn check_events(
    entity: &str,
    rows: &[Value],
    logs: &[Value],
    mails: Option<&BTreeMap<String, usize>>,
    faults: &mut Vec<String>,
) {
    let kind = format!("{entity}.created");
    let mut entries: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
    for log in logs.iter().filter(|log| log["event_type"] == kind.as_str()) {
        let id = log["data"]["id"].as_i64().unwrap_or_default();
        entries.entry(id).or_default().push(log["event_id"].as_str().unwrap_or_default());
    }
    let ids: BTreeSet<i64> = rows.iter().filter_map(|row| row["id"].as_i64()).collect();
    for id in &ids {
        match entries.get(id).map(Vec::as_slice) {
            Some([event_id]) => {
                let count = mails.map(|mails| mails.get(*event_id).copied().unwrap_or_default());
                if let Some(count) = count.filter(|count| *count != 1) {
                    faults.push(format!("{kind} {id} has {count} mails"));
                }
            }
            Some(several) => faults.push(format!("{kind} {id} is logged {} times", several.len())),
            None => faults.push(format!("{kind} {id} is not logged")),
        }
    }
    for id in entries.keys().filter(|id| !ids.contains(id)) {
        faults.push(format!("{kind} {id} is logged without a row"));
    }
}

/// The ledger as lists show it, with the events of the log.
fn ledger_of(accounts: &[Value], cards: &[Value], transfers: &[Value], logs: &[Value]) -> Found {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let money = |row: &Value, pot: fn(i64) -> Pot| {
        let number = |name: &str| row[name].as_i64();
        Some((pot(number("id")?), Money { balance: number("balance")?, held: number("held")? }))
    };
    let transfer = |row: &Value| FoundTransfer {
        id: text(&row["id"]),
        kind: text(&row["kind"]),
        status: text(&row["status"]),
        amount: row["amount"].as_i64().unwrap_or_default(),
        from: Pot::of_side(&row["from"]),
        to: Pot::of_side(&row["to"]),
        name: row["reference"].as_str().or_else(|| row["description"].as_str()).map(str::to_owned),
    };
    let mut events: BTreeMap<(String, String), usize> = BTreeMap::new();
    for log in logs.iter().filter(|log| log["event_type"].as_str().is_some_and(|kind| kind.starts_with("transfer."))) {
        *events.entry((text(&log["data"]["id"]), text(&log["event_type"]))).or_default() += 1;
    }
    let accounts = accounts.iter().filter_map(|row| money(row, Pot::Account));
    let money = accounts.chain(cards.iter().filter_map(|row| money(row, Pot::Card))).collect();
    Found { money, transfers: transfers.iter().map(transfer).collect(), events }
}

/// The faults that the service's own check finds: the ledger has to be what its entries make it, and all of it to sum to zero.
async fn unsound(ledger: &Ledger) -> anyhow::Result<Vec<String>> {
    let (begun, url) = (Instant::now(), format!("{}/api/ledger/verify", ledger.urls.bank));
    ledger
        .http
        .post(format!("{url}?full=true"))
        .bearer_auth(ledger.token())
        .json(&json!({}))
        .send()
        .await?
        .error_for_status()?;
    loop {
        let result: Value = ledger.http.get(&url).bearer_auth(ledger.token()).send().await?.json().await?;
        if result["state"] != "running" || begun.elapsed() > VERIFY_LIMIT {
            let is_sound = result["state"] == "done" && result["violations"] == 0;
            return Ok(if is_sound { Vec::new() } else { vec![format!("the ledger is not sound: {result}")] });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn fields(rows: &[Value], name: &str) -> BTreeMap<i64, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    rows.iter().filter_map(|row| Some((row["id"].as_i64()?, text(&row[name])))).collect()
}

/// Walks a whole list by cursor.
async fn all(ledger: &Ledger, url: &str) -> anyhow::Result<Vec<Value>> {
    let mut rows = Vec::new();
    let mut cursor = String::new();
    for _ in 0..PAGES {
        let url = format!("{url}page_size=100&after={cursor}");
        let answer = ledger.http.get(&url).bearer_auth(ledger.token()).send().await?;
        let status = answer.status();
        let page: Value = answer.json().await.with_context(|| url.clone())?;
        if !status.is_success() {
            bail!("GET {url} was answered {status}: {page}");
        }
        rows.extend(page["results"].as_array().cloned().unwrap_or_default());
        match page["cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return Ok(rows),
        }
    }
    bail!("{url} has no end")
}

/// Mails by the local part of their Message-ID, which is the event's id.
fn mails(folder: &Path) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "eml") {
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        let id = text.lines().find_map(|line| line.strip_prefix("Message-ID: <")).and_then(|id| id.split('@').next());
        let id = id.with_context(|| format!("{} has no Message-ID", path.display()))?;
        *found.entry(id.to_owned()).or_default() += 1;
    }
    Ok(found)
}

fn count_files(folder: &Path) -> anyhow::Result<usize> {
    if !folder.exists() {
        return Ok(0);
    }
    let mut count = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        count += if entry.file_type()?.is_dir() { count_files(&entry.path())? } else { 1 };
    }
    Ok(count)
}
