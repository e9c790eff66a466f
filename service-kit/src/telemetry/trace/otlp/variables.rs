//! Variables of OpenTelemetry that the SDK reads without making their values available.

use std::time::Duration;

const TIMEOUTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
const QUEUE_SIZE: &str = "OTEL_BSP_MAX_QUEUE_SIZE";
/// The defaults of the specification.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_QUEUE_SIZE: usize = 2_048;
/// More spans than this would cost more memory than a trace is worth.
const MAX_QUEUE_SIZE: usize = 65_536;

/// The time limit of one request to the collector, in milliseconds in the variable.
pub(super) fn timeout() -> Duration {
    let given = TIMEOUTS.iter().find_map(|name| number(name));
    given.filter(|ms| *ms > 0).map_or(DEFAULT_TIMEOUT, Duration::from_millis)
}

/// How many spans may wait, from 1 to [`MAX_QUEUE_SIZE`].
pub(super) fn queue_size() -> usize {
    let given = number(QUEUE_SIZE).and_then(|size| usize::try_from(size).ok());
    given.unwrap_or(DEFAULT_QUEUE_SIZE).clamp(1, MAX_QUEUE_SIZE)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the SDK reads its variables from the environment, and from nowhere else"
)]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.trim().parse().ok()
}
