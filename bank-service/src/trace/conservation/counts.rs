//! The metrics of the conservation check.

use prometheus::{IntCounterVec, IntGaugeVec};
use service_kit::telemetry::Metrics;

pub(super) struct Counts {
    pub(super) committed: IntCounterVec,
    pub(super) ended: IntCounterVec,
    pub(super) in_flight: IntGaugeVec,
    pub(super) parked: IntGaugeVec,
    pub(super) unaccounted: IntGaugeVec,
    pub(super) waiting: IntGaugeVec,
    pub(super) oldest: IntGaugeVec,
    pub(super) oldest_in_flight: IntGaugeVec,
    pub(super) unrouted: IntGaugeVec,
    pub(super) up: IntGaugeVec,
}

impl Counts {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let by_type = |name, help| metrics.gauge(name, help, &["event_type"]);
        Self {
            committed: metrics.counter(
                "bank_events_committed_total",
                "Published events that are followed.",
                &["event_type"],
            ),
            ended: metrics.counter("bank_events_ended_total", "Followed events at their end.", &["event_type", "end"]),
            in_flight: by_type("bank_events_in_flight", "Published events on their way."),
            parked: by_type("bank_events_parked", "Events that are dead letters."),
            unaccounted: by_type("bank_events_unaccounted", "Published events that are nowhere to be found."),
            waiting: by_type(
                "bank_events_waiting",
                "Committed events that are not published yet, counted up to 10,001.",
            ),
            oldest: metrics.gauge(
                "bank_outbox_oldest_seconds",
                "Age of the oldest event that waits to be published.",
                &[],
            ),
            oldest_in_flight: metrics.gauge(
                "bank_events_oldest_in_flight_seconds",
                "Time since the oldest event in flight was published, by its queue.",
                &["queue"],
            ),
            unrouted: by_type("bank_events_waiting_unrouted", "Events that no queue takes, counted up to 10,001."),
            up: metrics.gauge("bank_conservation_up", "Whether the last check of the events succeeded.", &[]),
        }
    }
}
