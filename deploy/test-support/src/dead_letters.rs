//! Dead letters in memory.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use service_kit::messaging::dead_letters::{DeadLetter, DeadLetters, MAX_PAGE};
use shared_events::EventId;

type Entries = BTreeMap<(String, EventId), DeadLetter>;

/// Dead letters that are lost when the process ends.
#[derive(Debug, Default)]
pub struct MemoryDeadLetters(Mutex<Entries>);

impl MemoryDeadLetters {
    pub fn new() -> Self {
        Self::default()
    }

    /// All dead letters, in order of queue and id.
    pub fn all(&self) -> Vec<DeadLetter> {
        self.entries().values().cloned().collect()
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl DeadLetters for MemoryDeadLetters {
    async fn add(&self, dead_letter: DeadLetter) -> io::Result<()> {
        self.entries().insert((dead_letter.queue.clone(), dead_letter.id()), dead_letter);
        Ok(())
    }

    async fn queues(&self) -> io::Result<Vec<String>> {
        let mut queues: Vec<String> = self.entries().keys().map(|(queue, _)| queue.clone()).collect();
        queues.dedup();
        Ok(queues)
    }

    async fn list(&self, queue: &str, after: Option<EventId>, limit: usize) -> io::Result<Vec<DeadLetter>> {
        let entries = self.entries();
        let wanted = entries.iter().filter(|((name, id), _)| name == queue && after.is_none_or(|after| *id > after));
        Ok(wanted.take(limit.min(MAX_PAGE)).map(|(_, dead_letter)| dead_letter.clone()).collect())
    }

    async fn get(&self, queue: &str, id: EventId) -> io::Result<Option<DeadLetter>> {
        Ok(self.entries().get(&(queue.to_owned(), id)).cloned())
    }

    async fn remove(&self, queue: &str, id: EventId) -> io::Result<bool> {
        Ok(self.entries().remove(&(queue.to_owned(), id)).is_some())
    }
}
