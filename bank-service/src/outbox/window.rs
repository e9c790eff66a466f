//! Rows in flight: those that are being published, and those that wait for an earlier one of the same entity.
//!
//! At any time only one event of an entity is being published, so its events arrive in order however parallel the transport
//! is. A row leaves the window when its mark is written ([`Window::release`]), so this process does not publish it twice; or
//! when the transport is unavailable, with all rows that wait behind it: they are read again, in their order.
//!
//! The publish futures advance only while the window is polled. [`Window::during`] polls them while the relay waits for the
//! database.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use service_kit::messaging::{Outgoing, PublishResult, Publisher};
use shared_events::WireMessage;

use super::entity::Entity;

struct PendingPublish {
    id: i64,
    outgoing: Outgoing,
}

struct Row {
    entity: Option<Entity>,
    must_be_routed: bool,
}

pub(super) struct Window {
    publisher: Arc<dyn Publisher>,
    publishing: FuturesUnordered<BoxFuture<'static, (i64, PublishResult)>>,
    /// Results that arrived during [`Window::during`]; of rows that are in `rows`.
    arrived: VecDeque<(i64, PublishResult)>,
    rows: HashMap<i64, Row>,
    /// The entities with an event in `publishing`, and the events that wait for it.
    behind: HashMap<Entity, VecDeque<PendingPublish>>,
}

impl Window {
    pub(super) fn new(publisher: Arc<dyn Publisher>) -> Self {
        let (publishing, arrived) = (FuturesUnordered::new(), VecDeque::new());
        Self { publisher, publishing, arrived, rows: HashMap::new(), behind: HashMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn ids(&self) -> BTreeSet<i64> {
        self.rows.keys().copied().collect()
    }

    /// Whether no row is being published or to be settled. Rows may still wait for their marks.
    pub(super) fn is_idle(&self) -> bool {
        self.publishing.is_empty() && self.arrived.is_empty()
    }

    /// Waits for another future while publishing continues.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                Some(receipt) = self.publishing.next() => self.arrived.push_back(receipt),
            }
        }
    }

    /// Publishes the row, after all earlier events of the same entity.
    pub(super) fn add(&mut self, id: i64, outgoing: Outgoing) {
        let entity = Entity::of(&outgoing.message);
        let must_be_routed = must_be_routed(&outgoing.message);
        self.rows.insert(id, Row { entity: entity.clone(), must_be_routed });
        let pending = PendingPublish { id, outgoing };
        let Some(entity) = entity else { return self.publish(pending) };
        if let Some(waiting) = self.behind.get_mut(&entity) {
            waiting.push_back(pending);
        } else {
            self.behind.insert(entity, VecDeque::new());
            self.publish(pending);
        }
    }

    fn publish(&mut self, PendingPublish { id, outgoing }: PendingPublish) {
        let publisher = self.publisher.clone();
        self.publishing.push(Box::pin(async move { (id, publisher.publish(outgoing).await) }));
    }

    /// The next result; `None` if no publish is in flight. May be dropped and called again.
    pub(super) async fn settled(&mut self) -> Option<(i64, PublishResult)> {
        match self.arrived.pop_front() {
            Some(publish_result) => Some(publish_result),
            None => self.publishing.next().await,
        }
    }

    /// A result that has arrived already.
    pub(super) fn settled_now(&mut self) -> Option<(i64, PublishResult)> {
        self.arrived.pop_front().or_else(|| self.publishing.next().now_or_never().flatten())
    }

    /// Ends the row's turn: the next event of its entity is published. The row itself stays until its mark is written.
    pub(super) fn advance(&mut self, id: i64) {
        let Some(Row { entity: Some(entity), .. }) = self.rows.get(&id) else { return };
        let Some(waiting) = self.behind.get_mut(entity) else { return };
        match waiting.pop_front() {
            Some(pending) => self.publish(pending),
            None => drop(self.behind.remove(&entity.clone())),
        }
    }

    /// Whether the row waits for a queue without limit, until an operator acts.
    pub(super) fn must_be_routed(&self, id: i64) -> bool {
        self.rows.get(&id).is_none_or(|row| row.must_be_routed)
    }

    /// Drops a row that was not published, and all rows that wait for it. They are due as before.
    pub(super) fn abandon(&mut self, id: i64) {
        let Some(Row { entity: Some(entity), .. }) = self.rows.remove(&id) else { return };
        for pending in self.behind.remove(&entity).unwrap_or_default() {
            self.rows.remove(&pending.id);
        }
    }

    /// Drops all rows whose publish has not begun; they are due as before.
    pub(super) fn abandon_waiting(&mut self) {
        for pending in self.behind.values_mut().flat_map(std::mem::take) {
            self.rows.remove(&pending.id);
        }
    }

    /// Removes the row, whose mark is written.
    pub(super) fn release(&mut self, id: i64) {
        self.rows.remove(&id);
    }
}

/// A request, or an event that a confirmation is expected for: no installation may leave it out.
fn must_be_routed(message: &WireMessage) -> bool {
    message.properties.reply_to.is_some() || message.routing_key.ends_with(".requested")
}
