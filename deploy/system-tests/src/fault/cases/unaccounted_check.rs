//! What bank-service's own watch of conservation says while a case runs: it must not call anything missing, for nothing is.

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

/// Looks at the watch until it is told to stop.
pub(super) struct UnaccountedCheck {
    stopped: Arc<AtomicBool>,
    /// How often the watch could be asked.
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
                // A process that was killed says nothing.
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

    /// What was wrong.
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
