//! Spans that left this process, and those that did not.

use std::sync::OnceLock;

use prometheus::IntCounterVec;

pub(in crate::telemetry) const NAME: &str = "bank_trace_spans_total";

static SPANS: OnceLock<IntCounterVec> = OnceLock::new();

/// The counter of all services in this process; none while traces are off.
pub(in crate::telemetry) fn spans() -> Option<&'static IntCounterVec> {
    SPANS.get()
}

/// Makes the counter, before the metrics of the services are.
#[cfg(feature = "otlp")]
pub(super) fn start() {
    let help = "Spans by result: exported, dropped from a full queue, failed to be exported";
    if let Ok(counter) = IntCounterVec::new(prometheus::Opts::new(NAME, help), &["result"]) {
        SPANS.get_or_init(|| counter);
    }
}

#[cfg(feature = "otlp")]
pub(super) fn add(result: &str, spans: usize) {
    if let Some(counter) = SPANS.get() {
        counter.with_label_values(&[result]).inc_by(u64::try_from(spans).unwrap_or(u64::MAX));
    }
}
