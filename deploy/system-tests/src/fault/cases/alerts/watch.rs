//! Waits until alerts fire or clear, and records those that do not in time.

use std::time::{Duration, Instant};

use anyhow::bail;
use system_tests::print_line;

use super::prometheus::Prometheus;

/// The limit of every single wait, far beyond what a busy machine needs.
pub(super) const LIMIT: Duration = Duration::from_secs(90);
pub(super) const PAUSE: Duration = Duration::from_millis(250);

pub(super) struct Watch {
    pub(super) prometheus: Prometheus,
    faults: Vec<String>,
}

impl Watch {
    pub(super) fn new(prometheus: Prometheus) -> Self {
        Self { prometheus, faults: Vec::new() }
    }

    /// Waits until all of these fire.
    pub(super) async fn fire(&mut self, alerts: &[&str]) -> anyhow::Result<()> {
        self.fire_by(alerts, async || anyhow::Ok(())).await
    }

    /// The same, with a cause that is repeated meanwhile.
    pub(super) async fn fire_by(
        &mut self,
        alerts: &[&str],
        cause: impl AsyncFn() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.reach(alerts, true, cause).await
    }

    /// Waits until none of these fires.
    pub(super) async fn clear(&mut self, alerts: &[&str]) -> anyhow::Result<()> {
        self.clear_by(alerts, async || anyhow::Ok(())).await
    }

    /// The same, with a remedy that is repeated meanwhile.
    pub(super) async fn clear_by(
        &mut self,
        alerts: &[&str],
        remedy: impl AsyncFn() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.reach(alerts, false, remedy).await
    }

    async fn reach(
        &mut self,
        alerts: &[&str],
        is_firing: bool,
        action: impl AsyncFn() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let (begun, state) = (Instant::now(), if is_firing { "firing" } else { "quiet" });
        loop {
            let firing = self.prometheus.firing().await?;
            let others: Vec<&str> =
                alerts.iter().copied().filter(|alert| firing.contains(*alert) != is_firing).collect();
            if others.is_empty() {
                print_line(&format!("alerts: {state}: {}", alerts.join(", ")));
                return Ok(());
            }
            if begun.elapsed() > LIMIT {
                self.record(format!("not {state} within {} s: {}", LIMIT.as_secs(), others.join(", ")));
                return Ok(());
            }
            action().await?;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Every alert that fires now is a fault.
    pub(super) async fn expect_quiet(&mut self) -> anyhow::Result<()> {
        for alert in self.prometheus.firing().await? {
            self.record(format!("{alert} fires on a healthy system"));
        }
        Ok(())
    }

    /// Each fault once.
    fn record(&mut self, fault: String) {
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// Ends Prometheus; the faults.
    pub(super) async fn stop(self) -> anyhow::Result<Vec<String>> {
        self.prometheus.stop().await?;
        Ok(self.faults)
    }
}

/// Waits until something else holds; nothing that follows makes sense without it.
pub(super) async fn until(what: &str, holds: impl AsyncFn() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !holds().await? {
        if begun.elapsed() > LIMIT {
            bail!("not within {} s: {what}", LIMIT.as_secs());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
