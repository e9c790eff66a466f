//! One stream of server-sent events.
//!
//! It ends when the session does (checked every `RECHECK_EVERY` and before each change), when the token expires, when the
//! service stops, and when the client leaves, reads nothing for `SEND_LIMIT` or lags too far behind. A client that returns with
//! `Last-Event-ID` gets the changes committed in between, and none twice; one that missed more than `CATCH_UP` rows of the
//! outbox gets `reset` and then the live changes only, so that a return costs the database no more than that.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::Stream;
use serde_json::json;
use service_kit::lifecycle::Shutdown;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Change, Channel, ItemChange, Subscription, Viewer};
use crate::domain::policy::{Action, decide};
use crate::domain::role::ADMIN;
use crate::domain::session::SessionId;
use crate::identity::IdentityService;
use crate::store::StoreError;
use crate::store::changes::Reader;

const RECHECK_EVERY: Duration = Duration::from_millis(250);
const HEARTBEAT: Duration = Duration::from_secs(15);
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// How many chunks may wait for the connection.
const CHUNKS: usize = 16;
/// How many rows of the outbox are read for a returning client.
const CATCH_UP: i64 = 10_000;
/// How long the changes since `Last-Event-ID` may wait for a missing row number.
const CATCH_UP_WAIT: Duration = Duration::from_secs(5);
/// How many sent changes are remembered: more than the live ones may lag behind the outbox, and bounded, however long the
/// client was disconnected.
const REMEMBERED: usize = 4_096;
/// The reconnect delay for the client.
const HELLO: &str = "retry: 2000\n";

pub struct StreamParts {
    pub subscription: Subscription,
    pub channels: BTreeSet<Channel>,
    /// `Last-Event-ID`.
    pub resume: Option<i64>,
    pub identity: IdentityService,
    pub session: SessionId,
    pub expires: Instant,
    pub shutdown: Shutdown,
}

/// The response body.
pub type Body = std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, std::convert::Infallible>>>>;

/// The stream has ended.
struct Over;

struct Follower {
    parts: StreamParts,
    out: mpsc::Sender<Bytes>,
    /// Changes that were sent while catching up, and may arrive again live.
    caught_up: Recent,
}

/// The ids of the newest events that were sent.
#[derive(Default)]
struct Recent {
    known: HashSet<String>,
    order: VecDeque<String>,
}

impl Recent {
    fn insert(&mut self, event_id: String) {
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        if self.known.insert(event_id.clone()) {
            self.order.push_back(event_id);
        }
    }

    fn contains(&self, event_id: &str) -> bool {
        self.known.contains(event_id)
    }
}

/// Starts the task that writes a stream.
pub fn follow(parts: StreamParts) -> Body {
    let (out, mut body) = mpsc::channel::<Bytes>(CHUNKS);
    let follower = Follower { parts, out, caught_up: Recent::default() };
    drop(service_kit::task::spawn("change-stream", async move {
        if follower.run().await.is_err() {
            tracing::debug!("a stream of changes is over");
        }
    }));
    Box::pin(futures_util::stream::poll_fn(move |context| body.poll_recv(context).map(|chunk| chunk.map(Ok))))
}

impl Follower {
    async fn run(mut self) -> Result<(), Over> {
        let now = self.parts.subscription.begins_after;
        let missed = self.parts.resume.map(|resume| now.saturating_sub(resume));
        if missed.is_some_and(|missed| missed > CATCH_UP) {
            self.send(format!("{HELLO}event: reset\nid: {now}\ndata: {{}}\n\n")).await?;
        } else {
            self.send(format!("{HELLO}id: {}\n\n", self.parts.resume.unwrap_or(now))).await?;
            if let Some(resume) = self.parts.resume {
                self.catch_up(resume).await?;
            }
        }
        let mut quiet_since = Instant::now();
        loop {
            tokio::select! {
                change = self.parts.subscription.live.recv() => {
                    if self.write(live(change)?.as_ref()).await? {
                        quiet_since = Instant::now();
                    }
                }
                () = self.parts.shutdown.wait() => return Err(Over),
                () = self.out.closed() => return Err(Over),
                () = tokio::time::sleep(RECHECK_EVERY) => {
                    self.viewer().await?;
                    if quiet_since.elapsed() >= HEARTBEAT {
                        self.send(": heartbeat\n\n".to_owned()).await?;
                        quiet_since = Instant::now();
                    }
                }
            }
        }
    }

    /// Sends the changes committed after `Last-Event-ID` and before the live changes begin.
    async fn catch_up(&mut self, resume: i64) -> Result<(), Over> {
        let mut reader = Reader::at(resume);
        let deadline = Instant::now() + CATCH_UP_WAIT;
        while reader.position() < self.parts.subscription.begins_after && !self.parts.shutdown.begun() {
            if self.out.is_closed() {
                return Err(Over);
            }
            self.viewer().await?;
            let mut next = reader.clone();
            let now = std::time::Instant::now();
            let read =
                self.parts.subscription.store.read(move |db| next.read(db, now).map(|(changes, _)| (next, changes)));
            let (moved, changes) = read.await.map_err(|error: StoreError| {
                tracing::warn!(%error, "a stream of changes cannot be resumed now");
                Over
            })?;
            let waits = changes.is_empty() && moved.position() == reader.position();
            reader = moved;
            for change in changes {
                self.write(&change).await?;
                self.caught_up.insert(change.event_id);
            }
            if waits && Instant::now() > deadline {
                break;
            }
            if waits {
                tokio::time::sleep(RECHECK_EVERY).await;
            }
        }
        Ok(())
    }

    /// Writes what is for this stream of a change; returns whether anything was.
    async fn write(&mut self, change: &Change) -> Result<bool, Over> {
        if self.caught_up.contains(&change.event_id) || !change.items.iter().any(|item| self.is_subscribed(item)) {
            return Ok(false);
        }
        let viewer = self.viewer().await?;
        let blocks = self.blocks(change, viewer);
        if blocks.is_empty() {
            return Ok(false);
        }
        self.send(blocks.concat()).await?;
        Ok(true)
    }

    fn is_subscribed(&self, item: &ItemChange) -> bool {
        self.parts.channels.contains(&item.channel)
    }

    /// The items of a change that this viewer sees, as server-sent events. Only the last one moves the client's position, so a
    /// client that is cut off before it gets all of them again.
    fn blocks(&self, change: &Change, viewer: Viewer) -> Vec<String> {
        let wanted = change.items.iter().filter(|item| self.is_subscribed(item));
        let shown: Vec<_> = wanted.filter_map(|item| Some((item, item.shown_to(viewer)?))).collect();
        let mut blocks = Vec::with_capacity(shown.len());
        for (number, (item, facts)) in shown.iter().enumerate() {
            let data = json!({
                "channel": item.channel.as_str(), "event_id": change.event_id, "date": change.date, "item": facts,
            });
            let id = if number + 1 == shown.len() { format!("id: {}\n", change.position) } else { String::new() };
            // JSON text contains no line breaks.
            blocks.push(format!("event: {}\n{id}data: {data}\n\n", item.verb.as_str()));
        }
        blocks
    }

    /// The stream's user, as the database knows it now.
    async fn viewer(&self) -> Result<Viewer, Over> {
        if Instant::now() >= self.parts.expires {
            return Err(Over);
        }
        let authority = self.parts.identity.sessions().authority(self.parts.session).await.map_err(|_| Over)?;
        let user_id = authority.session.user_id;
        let scope = decide(Action::StreamChanges, user_id, &authority.roles).ok_or(Over)?;
        Ok(Viewer { user_id, scope, is_admin: authority.roles.iter().any(|role| role == ADMIN) })
    }

    async fn send(&self, text: String) -> Result<(), Over> {
        let sent = tokio::time::timeout(SEND_LIMIT, self.out.send(Bytes::from(text))).await;
        sent.map_err(|_| Over)?.map_err(|_| Over)
    }
}

/// A stream that lags too far behind ends, and the client can resume.
fn live(received: Result<Arc<Change>, RecvError>) -> Result<Arc<Change>, Over> {
    received.map_err(|_| Over)
}
