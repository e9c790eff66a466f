//! The checker: compares the clients' answers with the state of the system, and counts the differences. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use system_tests::money::{self, Answered, Fault};

use crate::ledger::Entity;
use crate::sink::Accepted;
use crate::snapshot::{Event, Snapshot};

/// The longest time of a crash after the mail server's acceptance that may still be before its record.
const GAP: Duration = Duration::from_secs(10);

/// The changes of a test itself, not made by the HTTP API.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expected {
    pub(crate) accepted: BTreeMap<(Entity, i64), String>,
    pub(crate) money: Answered,
    /// Events that were put into queues directly: their kind by id.
    pub(crate) extra: BTreeMap<String, String>,
    /// Dead letters by queue.
    pub(crate) dead: BTreeMap<String, u32>,
    /// Banks whose mail the server refused for good.
    pub(crate) refused_banks: BTreeSet<i64>,
    /// The times when email-service was killed, or lost an answer of the mail server.
    pub(crate) mail_incidents: Vec<Instant>,
}

#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) rows: usize,
    pub(crate) transfers: usize,
    pub(crate) events: usize,
    pub(crate) entries: usize,
    pub(crate) mails: usize,
    pub(crate) dead: u32,
    pub(crate) lost: usize,
    pub(crate) invented: usize,
    pub(crate) doubled: usize,
    /// Mails that came twice because a process died in the gap, under the same Message-ID.
    pub(crate) doubled_in_gap: usize,
    pub(crate) faults: Vec<String>,
}

impl Findings {
    fn lost(&mut self, what: &str) {
        self.lost += 1;
        self.faults.push(format!("lost: {what}"));
    }

    fn invented(&mut self, what: &str) {
        self.invented += 1;
        self.faults.push(format!("invented: {what}"));
    }

    fn doubled(&mut self, what: &str) {
        self.doubled += 1;
        self.faults.push(format!("doubled: {what}"));
    }
}

/// The number of effects that an event must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Once,
    Never,
    /// Not decided here.
    Any,
}

pub(crate) fn check(expected: &Expected, snapshot: &Snapshot) -> Findings {
    let mut findings = Findings {
        rows: snapshot.rows.len(),
        transfers: snapshot.ledger.transfers.len(),
        events: snapshot.events.len(),
        entries: snapshot.entries.values().map(Vec::len).sum(),
        mails: snapshot.mails.values().map(Vec::len).sum(),
        dead: snapshot.dead.values().sum(),
        ..Findings::default()
    };
    rows(expected, snapshot, &mut findings);
    events(snapshot, &mut findings);
    for fault in money::check(&expected.money, &snapshot.ledger) {
        match fault {
            Fault::Lost(what) => findings.lost(&what),
            Fault::Invented(what) => findings.invented(&what),
            Fault::Doubled(what) => findings.doubled(&what),
        }
    }
    for (id, event) in &snapshot.events {
        effects(id, event, expected, snapshot, &mut findings);
    }
    for (id, kind) in &expected.extra {
        let event = Event { kind: kind.clone(), about: None, transfer: None, sent: true };
        effects(id, &event, expected, snapshot, &mut findings);
    }
    strangers(expected, snapshot, &mut findings);
    leftovers(expected, snapshot, &mut findings);
    findings
}

/// The rows are those that clients were answered, with the same values, and no others.
fn rows(expected: &Expected, snapshot: &Snapshot, findings: &mut Findings) {
    for (key @ (entity, id), value) in &expected.accepted {
        match snapshot.rows.get(key) {
            None => findings.lost(&format!("{} {id} was accepted", entity.name())),
            Some(row) if row != value => findings.lost(&format!("{} {id} is {row}, not {value}", entity.name())),
            Some(_) => {}
        }
    }
    for (entity, id) in snapshot.rows.keys().filter(|key| !expected.accepted.contains_key(key)) {
        findings.invented(&format!("{} {id} was never accepted", entity.name()));
    }
}

/// Each row has one event, and each event has its row.
fn events(snapshot: &Snapshot, findings: &mut Findings) {
    let mut made: BTreeMap<(Entity, i64), u32> = BTreeMap::new();
    for event in snapshot.events.values() {
        let entity = Entity::ALL.into_iter().find(|entity| event.kind == format!("{}.created", entity.name()));
        if let (Some(entity), Some(about)) = (entity, event.about) {
            *made.entry((entity, about)).or_default() += 1;
        }
    }
    for key @ (entity, id) in snapshot.rows.keys() {
        match made.get(key).copied().unwrap_or_default() {
            1 => {}
            0 => findings.lost(&format!("the event of {} {id}", entity.name())),
            _ => findings.doubled(&format!("the event of {} {id}", entity.name())),
        }
    }
    for (entity, id) in made.keys().filter(|key| !snapshot.rows.contains_key(key)) {
        findings.invented(&format!("an event of {} {id}, which is not there", entity.name()));
    }
}

fn logged(event: &Event, refused: bool) -> Due {
    match event.kind.as_str() {
        "bank.created" if refused => Due::Never,
        kind if kind.starts_with("email.") || kind.starts_with("sms.") || kind.starts_with("push.") => Due::Never,
        _ => Due::Once,
    }
}

fn mailed(event: &Event, refused: bool) -> Due {
    match event.kind.as_str() {
        "bank.created" if refused => Due::Never,
        "bank.created" | "account.created" | "user.created" => Due::Once,
        "email.requested" => Due::Any,
        _ => Due::Never,
    }
}

/// One event's publication, log entry and mail.
fn effects(id: &str, event: &Event, expected: &Expected, snapshot: &Snapshot, findings: &mut Findings) {
    let kind = &event.kind;
    let refused = event.about.is_some_and(|about| kind == "bank.created" && expected.refused_banks.contains(&about));
    if !event.sent {
        findings.lost(&format!("{kind} {id} waits in the outbox"));
    }
    let entries = snapshot.entries.get(id).map_or(&[][..], Vec::as_slice);
    match (logged(event, refused), entries.len()) {
        (Due::Any, _) | (Due::Once, 1) | (Due::Never, 0) => {}
        (Due::Once, 0) => findings.lost(&format!("the log entry of {kind} {id}")),
        (Due::Once, _) => findings.doubled(&format!("the log entry of {kind} {id}")),
        (Due::Never, _) => findings.invented(&format!("a log entry of {kind} {id}")),
    }
    if entries.iter().any(|entry| entry.kind != *kind) {
        findings.invented(&format!("{kind} {id} is logged as something else"));
    }
    let mails = snapshot.mails.get(id).map_or(&[][..], Vec::as_slice);
    match (mailed(event, refused), mails.len()) {
        (Due::Any, _) | (Due::Never, 0) => {}
        (Due::Never, _) => findings.invented(&format!("a mail of {kind} {id}")),
        (Due::Once, 0) => findings.lost(&format!("the mail of {kind} {id}")),
        (Due::Once, _) => copies(id, kind, mails, expected, findings),
    }
    // A bank is logged only after its mail was accepted.
    if kind == "bank.created"
        && let (Some(entry), Some(mail)) = (entries.first(), mails.first())
        && entry.received_micros < mail.at_micros
    {
        findings.invented(&format!("{kind} {id} was logged before its mail was accepted"));
    }
}

/// A further copy is excused by a crash between the server's acceptance of the one before and its record.
fn copies(id: &str, kind: &str, mails: &[Accepted], expected: &Expected, findings: &mut Findings) {
    for pair in mails.windows(2) {
        let [before, after] = pair else { continue };
        let within = |incident: &&Instant| **incident >= before.at && **incident <= after.at.min(before.at + GAP);
        if before.message_id != after.message_id {
            findings.doubled(&format!("the mail of {kind} {id}, under another Message-ID"));
        } else if expected.mail_incidents.iter().any(|incident| within(&incident)) {
            findings.doubled_in_gap += 1;
        } else {
            findings.doubled(&format!("the mail of {kind} {id}"));
        }
    }
}

/// Every effect has its event.
fn strangers(expected: &Expected, snapshot: &Snapshot, findings: &mut Findings) {
    let known = |id: &String| snapshot.events.contains_key(id) || expected.extra.contains_key(id);
    for id in snapshot.entries.keys().filter(|id| !known(id)) {
        findings.invented(&format!("a log entry of an event {id} that there is not"));
    }
    for id in snapshot.mails.keys().filter(|id| !known(id)) {
        findings.invented(&format!("a mail of an event {id} that there is not"));
    }
}

/// No message is in flight, and dead letters are those that the test made.
fn leftovers(expected: &Expected, snapshot: &Snapshot, findings: &mut Findings) {
    if snapshot.waiting > 0 {
        findings.faults.push(format!("{} messages still wait in queues", snapshot.waiting));
    }
    let unposted = snapshot.receipts.values().filter(|receipt| receipt.sent && !receipt.posted).count();
    if unposted > 0 {
        findings.faults.push(format!("{unposted} confirmed mails are not posted to the log"));
    }
    for (queue, found) in &snapshot.dead {
        let due = expected.dead.get(queue).copied().unwrap_or_default();
        if *found != due {
            findings.faults.push(format!("{found} dead letters in {queue}, not {due}"));
        }
    }
}
