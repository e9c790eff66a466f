//! The order of the events about one thing, as the log has recorded it.

use std::time::Duration;

use system_tests::print_line;

use crate::fault_env::FaultEnv;
use crate::snapshot::Snapshot;

const BANKS: usize = 3;
const RENAMED: usize = 8;
/// Between two changes of a bank, so that they are two messages to handle, and not one batch.
const PAUSE: Duration = Duration::from_millis(40);

/// Renames some banks several times.
pub(super) async fn rename(env: &FaultEnv<'_>) -> anyhow::Result<()> {
    for _ in 0..BANKS {
        let bank = env.ledger.bank().await?;
        for _ in 0..RENAMED {
            env.ledger.rename(bank).await?;
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// The entries that are out of order in the log, of events that were handled at the first attempt.
pub(super) async fn check(env: &FaultEnv<'_>, snapshot: &Snapshot) -> anyhow::Result<Vec<String>> {
    let place = |id: &String| {
        let entry = snapshot.entries.get(id)?.first()?;
        // A new bank is logged on the confirmation of its mail, by another way.
        (entry.kind == "bank.updated").then_some(entry.place)
    };
    let mut faults = Vec::new();
    let mut banks = 0;
    for (bank, events) in env.tables.bank_events().await? {
        let places: Vec<usize> = events.iter().filter_map(place).collect();
        banks += usize::from(places.len() >= RENAMED);
        if !places.is_sorted() {
            faults.push(format!("the events of bank {bank} stand in the log at {places:?}"));
        }
    }
    print_line(&format!(
        "{}: the changes of {banks} banks stand in the log, of {} out of order",
        env.name,
        faults.len()
    ));
    if banks < BANKS {
        faults.push(format!("the changes of {banks} banks only stand in the log"));
    }
    Ok(faults)
}
