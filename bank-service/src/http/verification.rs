//! The check of the ledger over HTTP: one at a time in this process, and the result of the last one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use prometheus::IntGauge;
use service_kit::telemetry::Metrics;

use crate::store::StoreError;
use crate::store::ledger::Verification;

/// Clones share the state.
#[derive(Debug, Clone)]
pub struct VerificationRuns(Arc<Runs>);

#[derive(Debug)]
struct Runs {
    last: Mutex<VerificationRun>,
    violations: IntGauge,
    ended_at: IntGauge,
}

/// The check that runs, or the last one.
#[derive(Debug, Clone, Default)]
pub(super) enum VerificationRun {
    #[default]
    None,
    Running {
        started_at: DateTime<Utc>,
    },
    Done {
        started_at: DateTime<Utc>,
        finished_at: DateTime<Utc>,
        found: Verification,
    },
    /// The ledger could not be read.
    Failed {
        started_at: DateTime<Utc>,
        finished_at: DateTime<Utc>,
    },
}

impl VerificationRuns {
    pub fn new(metrics: &Metrics) -> Self {
        let gauge = |name, help| metrics.gauge(name, help, &[]).with_label_values::<&str>(&[]);
        let ended_at = "When the last check of the ledger in this process was complete; 0 before the first.";
        Self(Arc::new(Runs {
            last: Mutex::default(),
            violations: gauge("bank_ledger_verify_violations", "What the last complete check of the ledger found."),
            ended_at: gauge("bank_ledger_verify_timestamp_seconds", ended_at),
        }))
    }

    /// Whether a check may begin now; false while one runs.
    pub(super) fn begin(&self, now: DateTime<Utc>) -> bool {
        let mut run = self.lock();
        if matches!(*run, VerificationRun::Running { .. }) {
            return false;
        }
        *run = VerificationRun::Running { started_at: now };
        true
    }

    /// Ends the check that runs.
    pub(super) fn end(&self, now: DateTime<Utc>, checked: Result<Verification, StoreError>) {
        let mut run = self.lock();
        let VerificationRun::Running { started_at } = *run else { return };
        *run = match checked {
            Ok(found) => {
                self.0.violations.set(i64::try_from(found.violations).unwrap_or(i64::MAX));
                self.0.ended_at.set(now.timestamp());
                if !found.is_clean() {
                    let first = found.listed.first().map(String::as_str).unwrap_or_default();
                    tracing::error!(violations = found.violations, first, "the ledger is not sound");
                }
                VerificationRun::Done { started_at, finished_at: now, found }
            }
            Err(error) => {
                tracing::error!(%error, "the ledger cannot be verified");
                VerificationRun::Failed { started_at, finished_at: now }
            }
        };
    }

    pub(super) fn last(&self) -> VerificationRun {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, VerificationRun> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn one_check_runs_at_a_time_and_the_next_one_may_begin_once_it_has_ended() {
        let metrics = Metrics::new();
        let (runs, now) = (VerificationRuns::new(&metrics), DateTime::UNIX_EPOCH + TimeDelta::seconds(60));
        assert!(matches!(runs.last(), VerificationRun::None));
        assert!(runs.begin(now) && !runs.begin(now) && !runs.clone().begin(now));
        runs.end(now, Err(StoreError::Busy));
        assert!(matches!(runs.last(), VerificationRun::Failed { .. }));
        let shown = |line: &str| metrics.render().lines().any(|shown| shown == line);
        assert!(shown("bank_ledger_verify_timestamp_seconds 0"), "a check that failed is not complete");
        assert!(runs.begin(now));
        runs.end(now, Ok(Verification { violations: 7, ..Verification::default() }));
        // A check that does not run cannot end.
        runs.end(now, Err(StoreError::Busy));
        assert!(matches!(runs.last(), VerificationRun::Done { found, .. } if found.violations == 7));
        assert!(shown("bank_ledger_verify_violations 7") && shown("bank_ledger_verify_timestamp_seconds 60"));
    }
}
