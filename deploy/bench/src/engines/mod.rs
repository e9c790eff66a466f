//! The limits of the real engines, each measured by its bare driver, and the rates of the services on them.

pub(crate) mod broker;
pub(crate) mod logstore;
pub(crate) mod mail;
pub(crate) mod paced;
pub(crate) mod ready;
pub(crate) mod sql;
pub(crate) mod transfers;

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::Value;

/// A value of `/metrics`, summed over the series that have all labels.
pub(crate) fn sum(text: &str, name: &str, labels: &[&str]) -> anyhow::Result<u64> {
    let named = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    let lines = text.lines().filter(|line| named(line) && labels.iter().all(|label| line.contains(label)));
    let values = lines.map(|line| line.rsplit(' ').next().unwrap_or_default().parse::<u64>());
    values.sum::<Result<u64, _>>().with_context(|| format!("{name} in the metrics"))
}

/// The body of an event as bank-service publishes it, for loops that must not pay for making it.
pub(crate) fn example_body(number: u64) -> Value {
    let data = BTreeMap::from([("id", number), ("balance", 100), ("account_id", 1)]);
    serde_json::json!({"user_id": 2, "date": "2026-01-01T00:00:00", "message": "Card created", "data": data})
}
