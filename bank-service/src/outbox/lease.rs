//! Leadership: of all replicas on one database, one publishes the outbox.
//!
//! The lease task holds a row with an expiry by the database's clock, and renews it every `RENEW`. The holder counts by its
//! own monotonic clock from before the request, and stops `MARGIN` before the row expires; so two clocks need not agree on the
//! time, only on their speed. A replica without the lease asks for it every `RETRY`: after a crash another replica publishes
//! within `TTL` and a little. Where a database has one process only (SQLite), the lease is always held.
//!
//! A late publish by a former holder is at most a second delivery of an event: marks are written only after a confirm.

use std::time::Duration;

use prometheus::IntGauge;
use service_kit::task;
use service_kit::telemetry::Metrics;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::store::LeaseRow;

const TTL: Duration = Duration::from_secs(3);
const MARGIN: Duration = Duration::from_millis(500);
const RENEW: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_millis(250);
/// If the database has not answered within this limit, the request is repeated over another connection.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// Until when this process may publish; `None`: it may not.
type Until = Option<Instant>;

pub(super) struct Lease {
    until: watch::Receiver<Until>,
    /// `None`: no other process can hold the lease, so it is always held.
    task: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    leader: Option<IntGauge>,
}

impl Lease {
    /// Starts the task that asks for the lease. Needs a running runtime.
    pub(super) fn start(row: Option<Box<dyn LeaseRow>>, metrics: &Metrics) -> Self {
        let leader = metrics.gauge("bank_outbox_relay_leader", "1 while this process publishes the outbox.", &[]);
        let leader = leader.with_label_values::<&str>(&[]);
        let (set_until, until) = watch::channel(None);
        let task = row.map(|row| {
            let (stop, stopped) = oneshot::channel();
            let holder = Holder { row, until: set_until, leader: leader.clone(), failing: false };
            (stop, task::spawn("outbox-lease", holder.run(stopped)))
        });
        leader.set(i64::from(task.is_none()));
        Self { until, task, leader: Some(leader) }
    }

    /// A lease that is always held and not counted in the metrics: for publishing by hand, whichever replica leads.
    pub(super) fn of_nobody() -> Self {
        let (_, until) = watch::channel(None);
        Self { until, task: None, leader: None }
    }

    /// Whether this process may begin a publish now.
    pub(super) fn is_held(&self) -> bool {
        self.task.is_none() || is_running(*self.until.borrow())
    }

    /// Returns once the lease is held. May be dropped and called again.
    pub(super) async fn gained(&mut self) {
        if self.task.is_some() && self.until.wait_for(|until| is_running(*until)).await.is_err() {
            // The task ends at shutdown only.
            std::future::pending::<()>().await;
        }
    }

    /// Gives up the lease, if it is held. To be called once the marks of everything in flight are written.
    pub(super) async fn give_up(self) {
        if let Some((stop, task)) = self.task {
            drop(stop);
            if task.await.is_err() {
                tracing::warn!("the lease could not be given up; it runs out by itself");
            }
        }
        if let Some(leader) = self.leader {
            leader.set(0);
        }
    }
}

fn is_running(until: Until) -> bool {
    until.is_some_and(|until| Instant::now() < until)
}

struct Holder {
    row: Box<dyn LeaseRow>,
    until: watch::Sender<Until>,
    leader: IntGauge,
    failing: bool,
}

impl Holder {
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        loop {
            let pause = self.renew().await;
            tokio::select! {
                _ = &mut stopped => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        match tokio::time::timeout(ANSWER_LIMIT, self.row.give_up()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the lease could not be given up; it runs out by itself"),
            Err(_) => tracing::warn!("the database did not answer; the lease runs out by itself"),
        }
    }

    /// Asks once; returns how long to wait before the next request.
    async fn renew(&mut self) -> Duration {
        let requested_at = Instant::now();
        let was_held = is_running(*self.until.borrow());
        let failure = match tokio::time::timeout(ANSWER_LIMIT, self.row.hold(TTL)).await {
            Ok(Ok(held)) => {
                self.until.send_replace(held.then(|| requested_at + TTL.saturating_sub(MARGIN)));
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("no answer in time".to_owned()),
        };
        let held = is_running(*self.until.borrow());
        self.leader.set(i64::from(held));
        self.log_change(was_held, held, failure.as_deref());
        if held && failure.is_none() { RENEW } else { RETRY }
    }

    fn log_change(&mut self, was_held: bool, held: bool, failure: Option<&str>) {
        match failure {
            Some(reason) if !self.failing => tracing::warn!(reason, "the relay's lease cannot be renewed or taken"),
            None if self.failing => tracing::info!("the relay's lease can be asked for again"),
            _ => {}
        }
        self.failing = failure.is_some();
        let holder = self.row.holder();
        match (was_held, held) {
            (false, true) => tracing::info!(holder, "this process publishes the outbox now"),
            (true, false) => tracing::warn!(holder, "this process does not publish the outbox any more"),
            _ => {}
        }
    }
}
