//! Reads bank-service's conservation watch while a case runs: it must call no event missing, for none is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use service_kit::task;
use system_tests::print_line;
use tokio::task::JoinHandle;

use crate::fault_env::{FaultEnv, sum_of};
use crate::process::Service;

const EVERY: Duration = Duration::from_millis(500);

/// Polls the watch until it is stopped.
pub(super) struct UnaccountedCheck {
    stopped: Arc<AtomicBool>,
    /// The polls at which the watch was up.
    polls: Arc<AtomicU64>,
    task: JoinHandle<u64>,
}

impl UnaccountedCheck {
    pub(super) fn start(env: &FaultEnv<'_>) -> anyhow::Result<Self> {
        let url = format!("{}/metrics", env.processes.get(&Service::Bank).context("no bank-service")?.url());
        let (stopped, polls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (client, ending, counter) = (env.ledger.http.clone(), Arc::clone(&stopped), Arc::clone(&polls));
        let task = task::spawn("unaccounted-check", async move {
            let mut most = 0;
            while !ending.load(Ordering::Relaxed) {
                tokio::time::sleep(EVERY).await;
                // A killed process does not answer.
                let Ok(answer) = client.get(&url).send().await else { continue };
                let Ok(text) = answer.text().await else { continue };
                if sum_of(&text, "bank_conservation_up", &[]) == 1 {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
                most = most.max(sum_of(&text, "bank_events_unaccounted", &[]));
            }
            most
        });
        Ok(Self { stopped, polls, task })
    }

    /// The fault, if the watch called an event missing.
    pub(super) async fn stop(self, name: &str) -> anyhow::Result<Vec<String>> {
        self.stopped.store(true, Ordering::Relaxed);
        let most = self.task.await?;
        let polls = self.polls.load(Ordering::Relaxed);
        print_line(&format!(
            "{name}: the watch of conservation was up {polls} times, and called {most} events missing"
        ));
        Ok(if most > 0 { vec![format!("the watch of conservation called {most} events missing")] } else { Vec::new() })
    }
}
