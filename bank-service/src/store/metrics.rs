//! The metrics of the store: how long work waits for a connection, and the writes that the database did not take.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use prometheus::{Histogram, HistogramTimer, IntCounterVec};
use service_kit::telemetry::Metrics;

use super::{OperationError, StoreError};

/// The metrics, once they are set. Clones share them.
#[derive(Clone, Default)]
pub(super) struct SharedMetrics(Arc<OnceLock<StoreMetrics>>);

struct StoreMetrics {
    read_wait: Histogram,
    write_wait: Histogram,
    faults: IntCounterVec,
}

impl SharedMetrics {
    /// The first call wins.
    pub(super) fn set(&self, metrics: &Metrics) {
        self.0.get_or_init(|| {
            let wait = "Time from a request of the store to its connection, or to the refusal of one.";
            let waits = metrics.histogram("bank_database_wait_seconds", wait, &["access"]);
            let fault = "Transactions that the database did not take, by fault.";
            let faults = metrics.counter("bank_database_write_faults_total", fault, &["fault"]);
            // An alert sees the first fault of a process only as a step from 0.
            for fault in FAULTS {
                faults.with_label_values(&[fault]);
            }
            let [read_wait, write_wait] = ["read", "write"].map(|access| waits.with_label_values(&[access]));
            StoreMetrics { read_wait, write_wait, faults }
        });
    }

    /// The wait of a read, which begins now.
    pub(super) fn wait_to_read(&self) -> ConnectionWait {
        ConnectionWait::begin(self.0.get().map(|metrics| &metrics.read_wait))
    }

    /// The wait of a transaction, which begins now.
    pub(super) fn wait_to_write(&self) -> ConnectionWait {
        ConnectionWait::begin(self.0.get().map(|metrics| &metrics.write_wait))
    }

    /// Counts a transaction that failed through a fault of the database.
    pub(super) fn count_fault<T, E: OperationError>(&self, done: &Result<T, E>) {
        if let Some(metrics) = self.0.get()
            && let Err(error) = done
            && let Some(fault) = error.store_error().and_then(fault_of)
        {
            metrics.faults.with_label_values(&[fault]).inc();
        }
    }
}

const BUSY: &str = "busy";
const CONFLICT: &str = "conflict";
const DISK_FULL: &str = "disk_full";
const UNAVAILABLE: &str = "unavailable";
const FAULTS: [&str; 4] = [BUSY, CONFLICT, DISK_FULL, UNAVAILABLE];

/// None: the operation's own failure, or a defect, which the answer to the request shows.
fn fault_of(error: &StoreError) -> Option<&'static str> {
    match error {
        StoreError::Busy => Some(BUSY),
        StoreError::Serialization => Some(CONFLICT),
        StoreError::DiskFull => Some(DISK_FULL),
        StoreError::Unavailable { .. } => Some(UNAVAILABLE),
        _ => None,
    }
}

/// One wait for a connection. It ends with the first call of `end`, or when it is dropped because no connection came.
pub(super) struct ConnectionWait(Mutex<Option<HistogramTimer>>);

impl ConnectionWait {
    fn begin(histogram: Option<&Histogram>) -> Self {
        Self(Mutex::new(histogram.map(Histogram::start_timer)))
    }

    /// To be called where the work begins; a transaction that runs again changes nothing.
    pub(super) fn end(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_counts_once_however_often_the_work_runs() {
        let (shared, metrics) = (SharedMetrics::default(), Metrics::new());
        shared.wait_to_write().end();
        shared.set(&metrics);
        let wait = shared.wait_to_write();
        wait.end();
        wait.end();
        drop((wait, shared.wait_to_read()));
        let text = metrics.render();
        for access in ["read", "write"] {
            let line = format!("bank_database_wait_seconds_count{{access=\"{access}\"}} 1");
            assert!(text.contains(&line), "{line} in {text}");
        }
    }

    #[test]
    fn faults_of_the_database_are_counted_and_refusals_are_not() {
        let (shared, metrics) = (SharedMetrics::default(), Metrics::new());
        shared.set(&metrics);
        for error in [StoreError::DiskFull, StoreError::UniqueViolation] {
            shared.count_fault(&Err::<(), _>(error));
        }
        let text = metrics.render();
        for line in [
            "bank_database_write_faults_total{fault=\"disk_full\"} 1",
            "bank_database_write_faults_total{fault=\"busy\"} 0",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
