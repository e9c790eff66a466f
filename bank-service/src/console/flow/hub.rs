//! One reader of the newest events per process, shared by all consoles that follow them. It reads once a second while one does,
//! so that ten consoles cost as much as one; a row that has not changed is not sent again. At more than [`MAX_ROWS`] events in a
//! second the live page shows the newest of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use service_kit::task;
use tokio::sync::broadcast;

use super::rows::LiveRow;
use crate::trace::{Flow, FlowFilter, FlowRow, MAX_ROWS};

const TICK: Duration = Duration::from_secs(1);
/// How many ticks a slow stream may lag behind; beyond it the stream ends, and the browser opens it again.
const BACKLOG: usize = 16;

/// Clones share everything.
#[derive(Clone)]
pub(in crate::console) struct FlowHub(Arc<Inner>);

struct Inner {
    flow: Flow,
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    /// The newest events by their number.
    rows: BTreeMap<i64, Arc<LiveRow>>,
    /// Of the running reader.
    sender: Option<broadcast::WeakSender<Changed>>,
}

/// New and changed events of one read, the oldest first.
pub(super) type Changed = Arc<[Arc<LiveRow>]>;

impl FlowHub {
    pub(in crate::console) fn new(flow: Flow) -> Self {
        Self(Arc::new(Inner { flow, live: Mutex::default() }))
    }

    /// The changes from now on; the first subscriber starts the reader, and gets the newest events as changes.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Changed> {
        let mut live = self.0.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = live.sender.as_ref().and_then(broadcast::WeakSender::upgrade) {
            return sender.subscribe();
        }
        let (sender, changes) = broadcast::channel(BACKLOG);
        *live = Live { rows: BTreeMap::new(), sender: Some(sender.downgrade()) };
        drop(task::spawn("console-flow", run(Arc::clone(&self.0), sender)));
        changes
    }
}

/// Reads until the last subscriber is gone.
async fn run(inner: Arc<Inner>, sender: broadcast::Sender<Changed>) {
    let mut was_read = true;
    loop {
        match inner.flow.newest(&FlowFilter::default()).await {
            Ok(page) => {
                inner.publish(&sender, page.rows);
                was_read = true;
            }
            Err(error) if was_read => {
                tracing::warn!(%error, "the live events of the console wait for the database");
                was_read = false;
            }
            Err(_) => {}
        }
        tokio::time::sleep(TICK).await;
        if inner.is_over(&sender) {
            return;
        }
    }
}

impl Inner {
    fn publish(&self, sender: &broadcast::Sender<Changed>, rows: Vec<FlowRow>) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = Vec::new();
        for row in rows.into_iter().rev() {
            if live.rows.get(&row.number).is_some_and(|known| known.row == row) {
                continue;
            }
            if let Some(row) = LiveRow::render(row).map(Arc::new) {
                live.rows.insert(row.row.number, Arc::clone(&row));
                changed.push(row);
            }
        }
        while i64::try_from(live.rows.len()).is_ok_and(|kept| kept > MAX_ROWS) {
            live.rows.pop_first();
        }
        if !changed.is_empty() {
            // The last subscriber may have left meanwhile.
            drop(sender.send(changed.into()));
        }
    }

    /// Under the lock, so that no subscriber joins a reader that ends.
    fn is_over(&self, sender: &broadcast::Sender<Changed>) -> bool {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = sender.receiver_count() == 0;
        if is_over {
            live.sender = None;
        }
        is_over
    }
}
