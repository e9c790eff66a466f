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

struct Row {
    /// Those that the row has a turn of, or waits for one; none once it was published.
    entities: Vec<Entity>,
    /// The message that is published in its turn; none once that has begun.
    outgoing: Option<Outgoing>,
    must_be_routed: bool,
}

pub(super) struct Window {
    publisher: Arc<dyn Publisher>,
    publishing: FuturesUnordered<BoxFuture<'static, (i64, PublishResult)>>,
    /// Results that arrived during [`Window::during`]; of rows that are in `rows`.
    arrived: VecDeque<(i64, PublishResult)>,
    rows: HashMap<i64, Row>,
    /// The rows of each entity, in their order. A row is published once it is the first of each of its entities.
    turns: HashMap<Entity, VecDeque<i64>>,
}

impl Window {
    pub(super) fn new(publisher: Arc<dyn Publisher>) -> Self {
        let (publishing, arrived) = (FuturesUnordered::new(), VecDeque::new());
        Self { publisher, publishing, arrived, rows: HashMap::new(), turns: HashMap::new() }
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

    /// Publishes the row, after all earlier events of its entities.
    pub(super) fn add(&mut self, id: i64, outgoing: Outgoing) {
        let entities = Entity::all_of(&outgoing.message);
        for entity in &entities {
            self.turns.entry(entity.clone()).or_default().push_back(id);
        }
        let must_be_routed = must_be_routed(&outgoing.message);
        self.rows.insert(id, Row { entities, outgoing: Some(outgoing), must_be_routed });
        self.publish_in_turn(id);
    }

    /// Publishes the row if all that come before it were.
    fn publish_in_turn(&mut self, id: i64) {
        let turns = &self.turns;
        let is_first = |entity: &Entity| turns.get(entity).and_then(VecDeque::front) == Some(&id);
        let Some(row) = self.rows.get_mut(&id).filter(|row| row.entities.iter().all(is_first)) else { return };
        let Some(outgoing) = row.outgoing.take() else { return };
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

    /// Ends the row's turn: the next events of its entities are published. The row itself stays until its mark is written.
    pub(super) fn advance(&mut self, id: i64) {
        let Some(row) = self.rows.get_mut(&id) else { return };
        let mut next = Vec::new();
        for entity in std::mem::take(&mut row.entities) {
            let Some(turns) = self.turns.get_mut(&entity) else { continue };
            turns.pop_front();
            match turns.front() {
                Some(first) => next.push(*first),
                None => drop(self.turns.remove(&entity)),
            }
        }
        for id in next {
            self.publish_in_turn(id);
        }
    }

    /// Whether the row waits for a queue without limit, until an operator acts.
    pub(super) fn must_be_routed(&self, id: i64) -> bool {
        self.rows.get(&id).is_none_or(|row| row.must_be_routed)
    }

    /// Drops a row that was not published, and all rows that wait for it. They are due as before.
    pub(super) fn abandon(&mut self, id: i64) {
        let mut abandoned = vec![id];
        while let Some(id) = abandoned.pop() {
            let Some(row) = self.rows.remove(&id) else { continue };
            for entity in row.entities {
                let Some(turns) = self.turns.get_mut(&entity) else { continue };
                let place = turns.iter().position(|one| *one == id).unwrap_or(turns.len());
                abandoned.extend(turns.drain(place..).skip(1));
                if turns.is_empty() {
                    self.turns.remove(&entity);
                }
            }
        }
    }

    /// Drops all rows whose publish has not begun; they are due as before.
    pub(super) fn abandon_waiting(&mut self) {
        let begun = |id: &i64| self.rows.get(id).is_some_and(|row| row.outgoing.is_none());
        self.turns.retain(|_, turns| {
            turns.retain(begun);
            !turns.is_empty()
        });
        self.rows.retain(|_, row| row.outgoing.is_none());
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
