//! `/console/flow/stream`: the newest events as server-sent events with HTML, for the page that shows them.
//!
//! A stream begins with the whole list, unless the page shows the same rows in the same states: what a page has after a lost
//! connection or a pause is not known. From then on it sends new and changed rows.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::http::server::head_only;
use service_kit::http::stream::{feed, head};
use service_kit::lifecycle::Shutdown;
use service_kit::task;
use tokio::sync::broadcast::Receiver;

use super::hub::Changed;
use super::query::FlowQuery;
use super::rows::{ShownList, fingerprint, list_html};
use crate::console::error::ConsoleError;
use crate::console::shared::Shared;
use crate::console::staff::Watcher;
use crate::console::stream::{Over, SEND_LIMIT, Stream};
use crate::domain::policy::Action;
use crate::http::AppState;
use crate::trace::FlowFilter;

/// The name of the events, in the page's `sse-swap`.
const EVENT: &str = "row";

/// Opens a stream with the filters of the page. `shown` is the fingerprint of the rows that the page was made with; a browser that
/// sends `Last-Event-ID` has changed them since.
pub(super) async fn stream_events(
    state: web::Data<AppState>,
    shared: web::Data<Shared>,
    shutdown: web::Data<Shutdown>,
    Watcher(staff): Watcher,
    request: HttpRequest,
) -> Result<HttpResponse, ConsoleError> {
    staff.may(Action::ReadEvent)?;
    let query = FlowQuery::read(request.query_string())?;
    if head_only() {
        return Ok(head().finish());
    }
    let slot = shared.streams.take(staff.user_id)?;
    // Before the list is read, so that no change is missed in between.
    let changes = shared.hub.subscribe();
    let rows = shared.flow.newest(&query.filter).await?.rows;
    let is_known = !request.headers().contains_key("Last-Event-ID") && query.fields.shown == fingerprint(&rows);
    let list = if is_known { String::new() } else { list_html(&rows).map_err(ConsoleError::Template)? };
    let (sending, body) = feed(SEND_LIMIT);
    let (identity, shutdown) = (state.identity.clone(), shutdown.get_ref().clone());
    let stream = Stream::new(sending, identity, &staff, Some(Action::ReadEvent), shutdown);
    let follower = Follower { stream, filter: query.filter, shown: ShownList::new(&rows) };
    drop(task::spawn("console-flow-stream", async move {
        let _slot = slot;
        follower.follow(&list, changes).await;
    }));
    Ok(head().streaming(body))
}

struct Follower {
    stream: Stream,
    filter: FlowFilter,
    shown: ShownList,
}

impl Follower {
    async fn follow(mut self, list: &str, mut changes: Receiver<Changed>) {
        if self.stream.begin().await.is_ok() && self.send(list).await.is_ok() {
            loop {
                let received = tokio::select! {
                    received = changes.recv() => received,
                    Over = self.stream.until_over() => break,
                };
                // A stream that lags too far behind ends, and the browser opens it again.
                let Ok(rows) = received else { break };
                let html = self.shown.update(rows.iter().filter(|live| self.filter.takes(&live.row)));
                if self.send(&html).await.is_err() {
                    break;
                }
            }
        }
        self.stream.finish().await;
    }

    async fn send(&mut self, html: &str) -> Result<(), Over> {
        if html.is_empty() { Ok(()) } else { self.stream.event(EVENT, Some(self.shown.newest()), html).await }
    }
}
