//! What the pages of one process share, made once at its start.

use std::sync::Arc;

use service_kit::http::stream::Slots;
use service_kit::lifecycle::{Readiness, Shutdown};
use shared_events::UserId;

use super::flow::hub::FlowHub;
use super::health::history::History;
use super::health::reader::HealthReader;
use crate::http::AppState;
use crate::trace::Flow;

/// Streams that are open at the same time, of one user and of all.
const MAX_PER_USER: usize = 10;
const MAX_STREAMS: usize = 100;

/// Clones share everything.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(super) flow: Flow,
    pub(super) hub: FlowHub,
    pub(super) health: HealthReader,
    pub(super) streams: Arc<Slots<UserId>>,
    history: History,
}

impl Shared {
    pub(crate) fn new(state: &AppState, readiness: Readiness) -> Self {
        let flow = Flow::new(state.tracer().clone());
        let history = History::new(state.metrics.clone());
        Self {
            hub: FlowHub::new(flow.clone()),
            health: HealthReader::new(state.clone(), readiness, history.clone()),
            streams: Slots::new("streams of the console", MAX_PER_USER, MAX_STREAMS),
            flow,
            history,
        }
    }

    /// Records the numbers of the health page until the service stops.
    pub(crate) async fn record(self, shutdown: Shutdown) {
        self.history.run(shutdown).await;
    }
}
