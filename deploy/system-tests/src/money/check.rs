//! Compares what clients were answered with what is there. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Answered, Money, Pot};

/// The content of the ledger, and the events about it.
#[derive(Debug, Clone, Default)]
pub struct Found {
    pub money: BTreeMap<Pot, Money>,
    pub transfers: Vec<FoundTransfer>,
    /// How many there are of each: the transfer's id, and the event's type.
    pub events: BTreeMap<(String, String), usize>,
}

#[derive(Debug, Clone)]
pub struct FoundTransfer {
    pub id: String,
    pub kind: String,
    pub status: String,
    pub amount: i64,
    /// None: a bank's own.
    pub from: Option<Pot>,
    pub to: Option<Pot>,
    /// Its reference, or its description.
    pub name: Option<String>,
}

/// A difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    Lost(String),
    Invented(String),
    Doubled(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(what) => write!(f, "lost: {what}"),
            Self::Invented(what) => write!(f, "invented: {what}"),
            Self::Doubled(what) => write!(f, "doubled: {what}"),
        }
    }
}

/// The balances are the sums of what was answered, each transfer and each first balance is there once, and no other; each effect
/// has its event once, and there is no other event about money.
pub fn check(answered: &Answered, found: &Found) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (pot, money) in &answered.money {
        let Money { balance, held } = money;
        match found.money.get(pot) {
            None => faults.push(Fault::Lost(format!("{pot} was opened"))),
            Some(is) if is != money => faults.push(Fault::Lost(format!(
                "{pot} has {} and {} held, and must have {balance} and {held} held",
                is.balance, is.held
            ))),
            Some(_) => {}
        }
    }
    let openings = transfers(answered, found, &mut faults);
    let posted = openings.into_iter().map(|id| (id, "transfer.posted"));
    let due: BTreeSet<(String, &str)> = answered.effects.iter().cloned().chain(posted).collect();
    events(&due, found, &mut faults);
    faults
}

/// Returns the ids of first balances.
fn transfers(answered: &Answered, found: &Found, faults: &mut Vec<Fault>) -> Vec<String> {
    let names: BTreeSet<&str> = answered.transfers.values().map(|asked| asked.name.as_str()).collect();
    let (mut openings, mut opened, mut seen) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for transfer in &found.transfers {
        let FoundTransfer { id, kind, status, amount, from, to, name } = transfer;
        if let Some(asked) = answered.transfers.get(id) {
            seen.insert(id.as_str());
            let is_same = (*from, *to, *amount) == (Some(asked.from), Some(asked.to), asked.amount);
            if !is_same || status != asked.status {
                faults.push(Fault::Lost(format!("transfer {id} is {transfer:?}, and must be {asked:?}")));
            }
        } else if let (Some(pot), true) = (to, kind == "opening") {
            openings.push(id.clone());
            if answered.opened.get(pot) != Some(amount) {
                faults.push(Fault::Invented(format!("{amount} as the first balance of {pot}")));
            } else if !opened.insert(*pot) {
                faults.push(Fault::Doubled(format!("the first balance of {pot}")));
            }
        } else {
            let name = name.as_deref().unwrap_or_default();
            let what = format!("transfer {id} of {amount}, {kind} {name:?}");
            faults.push(if names.contains(name) { Fault::Doubled(what) } else { Fault::Invented(what) });
        }
    }
    for (id, asked) in answered.transfers.iter().filter(|(id, _)| !seen.contains(id.as_str())) {
        faults.push(Fault::Lost(format!("transfer {id}, {asked:?}")));
    }
    for (pot, amount) in answered.opened.iter().filter(|(pot, amount)| **amount > 0 && !opened.contains(*pot)) {
        faults.push(Fault::Lost(format!("{amount} as the first balance of {pot}")));
    }
    openings
}

fn events(due: &BTreeSet<(String, &str)>, found: &Found, faults: &mut Vec<Fault>) {
    for (id, kind) in due {
        let what = || format!("the {kind} of {id}");
        match found.events.get(&(id.clone(), (*kind).to_owned())).copied().unwrap_or_default() {
            0 => faults.push(Fault::Lost(what())),
            1 => {}
            many => faults.push(Fault::Doubled(format!("{}, {many} times", what()))),
        }
    }
    for (id, kind) in found.events.keys().filter(|(id, kind)| !due.contains(&(id.clone(), kind.as_str()))) {
        faults.push(Fault::Invented(format!("the {kind} of {id}")));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Asked, Book};
    use super::*;

    const FROM: Pot = Pot::Account(1);
    const TO: Pot = Pot::Card(1);

    /// A first balance, a transfer and a hold that was voided, as they were answered and as they are there.
    fn sound() -> (Answered, Found) {
        let book = Book::default();
        book.opened(FROM, 100);
        book.opened(TO, 0);
        let asked = |name: &str, status| Asked { name: name.to_owned(), from: FROM, to: TO, amount: 7, status };
        let mut answered = book.answered();
        answered.posted("t1", asked("a", "posted"), "transfer.posted");
        answered.held("t2", asked("b", "held"));
        answered.ended("t2", "voided");
        answered.effects.insert(("t2".to_owned(), "transfer.voided"));
        let row = |id: &str, kind: &str, status: &str, from, amount, name: Option<&str>| FoundTransfer {
            id: id.to_owned(),
            kind: kind.to_owned(),
            status: status.to_owned(),
            amount,
            from,
            to: Some(if kind == "opening" { FROM } else { TO }),
            name: name.map(str::to_owned),
        };
        let transfers = vec![
            row("t0", "opening", "posted", None, 100, None),
            row("t1", "transfer", "posted", Some(FROM), 7, Some("a")),
            row("t2", "transfer", "voided", Some(FROM), 7, Some("b")),
        ];
        let events = [("t0", "posted"), ("t1", "posted"), ("t2", "held"), ("t2", "voided")];
        let events = events.map(|(id, kind)| ((id.to_owned(), format!("transfer.{kind}")), 1));
        let money = [(FROM, 93), (TO, 7)].map(|(pot, balance)| (pot, Money { balance, held: 0 }));
        (answered, Found { money: money.into(), transfers, events: events.into() })
    }

    fn faults(change: impl FnOnce(&mut Answered, &mut Found)) -> Vec<String> {
        let (mut answered, mut found) = sound();
        change(&mut answered, &mut found);
        check(&answered, &found).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_ledger_that_is_what_was_answered_has_no_faults() {
        assert_eq!(faults(|_, _| {}), Vec::<String>::new());
    }

    #[test]
    fn a_transfer_that_was_answered_and_is_gone_is_lost_with_its_money() {
        let lost = faults(|_, found| {
            found.transfers.remove(1);
            found.money.insert(FROM, Money { balance: 100, held: 0 });
        });
        assert_eq!(lost.len(), 2, "{lost:?}");
        assert!(lost[0].starts_with("lost: account 1 has 100 and 0 held") && lost[1].starts_with("lost: transfer t1"));
    }

    #[test]
    fn a_second_transfer_of_a_request_is_doubled_and_one_of_no_request_is_invented() {
        let again = |id: &str, name: &str, found: &mut Found| {
            let once = found.transfers[1].clone();
            found.transfers.push(FoundTransfer { id: id.to_owned(), name: Some(name.to_owned()), ..once });
        };
        let found = faults(|_, found| {
            again("t8", "a", found);
            again("t9", "z", found);
        });
        assert_eq!(
            found,
            [r#"doubled: transfer t8 of 7, transfer "a""#, r#"invented: transfer t9 of 7, transfer "z""#]
        );
        let opening = faults(|_, found| found.transfers.push(found.transfers[0].clone()));
        assert_eq!(opening, ["doubled: the first balance of account 1"]);
    }

    #[test]
    fn a_hold_that_is_still_open_or_ended_otherwise_is_a_fault() {
        let found = faults(|_, found| "captured".clone_into(&mut found.transfers[2].status));
        assert!(matches!(found.as_slice(), [one] if one.starts_with("lost: transfer t2 is")), "{found:?}");
    }

    #[test]
    fn each_effect_has_its_event_once() {
        let key = |id: &str, kind: &str| (id.to_owned(), kind.to_owned());
        let found = faults(|_, found| {
            found.events.remove(&key("t2", "transfer.voided"));
            found.events.insert(key("t1", "transfer.posted"), 2);
            found.events.insert(key("t1", "transfer.reversed"), 1);
        });
        let expected = [
            "doubled: the transfer.posted of t1, 2 times",
            "lost: the transfer.voided of t2",
            "invented: the transfer.reversed of t1",
        ];
        assert_eq!(found, expected);
    }
}
