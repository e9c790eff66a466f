//! The threads that hash passwords: one per core, each with its own memory, which it reuses.
//!
//! A hash fills 19 MiB. Requesting them from the kernel each time costs thousands of page faults, so a thread keeps its memory
//! between jobs and releases it after `IDLE` without one. Threads of its own, because the pool for database work grows to
//! hundreds of threads and hands a job to any of them. The queue is bounded by the slots of [`super::hashing::Passwords`]: each
//! job holds one. A job that panics costs its caller the answer, not the thread.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use argon2::{Block, Params};

const IDLE: Duration = Duration::from_secs(2);
/// Memory beyond this, which only an imported hash can need, is not kept.
const KEPT_BLOCKS: usize = 19_456;

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

#[derive(Default)]
pub(in crate::identity) struct Memory {
    blocks: Vec<Block>,
}

impl Memory {
    /// As many blocks as a hash with these parameters fills. Their content does not matter.
    pub(in crate::identity) fn of(&mut self, params: &Params) -> &mut [Block] {
        let needed = params.block_count();
        if self.blocks.len() < needed {
            self.blocks.resize(needed, Block::default());
        }
        self.blocks.get_mut(..needed).unwrap_or_default()
    }

    fn tidy(&mut self) {
        if self.blocks.len() > KEPT_BLOCKS {
            self.release();
        }
    }

    fn release(&mut self) {
        self.blocks = Vec::new();
    }

    /// The allocator returns released memory to the system when the next block of that size is freed, which no other code may
    /// ever do. This block is never filled, so it takes no memory itself.
    fn flush() {
        drop(std::hint::black_box(Vec::<Block>::with_capacity(KEPT_BLOCKS)));
    }
}

/// Clones share the threads, which end with the last of them.
#[derive(Clone)]
pub(in crate::identity) struct HashingThreads(Arc<Owner>);

struct Owner(Arc<Queue>);

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl HashingThreads {
    pub(in crate::identity) fn start(count: NonZeroUsize) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let owner = Owner(Arc::clone(&queue));
        for _ in 0..count.get() {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new().name("password-hash".to_owned()).spawn(move || queue.work())?;
        }
        Ok(Self(Arc::new(owner)))
    }

    pub(in crate::identity) fn submit(&self, job: impl FnOnce(&mut Memory) + Send + 'static) {
        let queue = &self.0.0;
        queue.waiting.lock().unwrap_or_else(PoisonError::into_inner).jobs.push_back(Box::new(job));
        queue.changed.notify_one();
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.0.changed.notify_all();
    }
}

impl Queue {
    fn work(&self) {
        let mut memory = Memory::default();
        while let Some(job) = self.next(&mut memory) {
            if catch_unwind(AssertUnwindSafe(|| job(&mut memory))).is_err() {
                tracing::error!("a password hashing job panicked");
            }
            memory.tidy();
        }
    }

    /// None once the owner was dropped and no job waits.
    fn next(&self, memory: &mut Memory) -> Option<Job> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut idle = 0_u32;
        loop {
            if let Some(job) = waiting.jobs.pop_front() {
                return Some(job);
            }
            if waiting.closed {
                return None;
            }
            let (next, waited) = self.changed.wait_timeout(waiting, IDLE).unwrap_or_else(PoisonError::into_inner);
            waiting = next;
            if waited.timed_out() {
                idle = idle.saturating_add(1);
                match idle {
                    1 => memory.release(),
                    2 => Memory::flush(),
                    _ => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_job_that_panics_takes_no_thread_with_it() {
        let threads = HashingThreads::start(NonZeroUsize::MIN).unwrap();
        threads.submit(|_| panic!("on purpose"));
        let (tx, rx) = mpsc::channel();
        threads.submit(move |_| tx.send(std::thread::current().name().map(str::to_owned)).unwrap());
        assert_eq!(rx.recv_timeout(Duration::from_secs(20)).unwrap().as_deref(), Some("password-hash"));
    }

    #[test]
    fn jobs_that_wait_are_done_before_the_threads_end() {
        let threads = HashingThreads::start(NonZeroUsize::MIN).unwrap();
        let (tx, rx) = mpsc::channel();
        for number in 0..10 {
            let tx = tx.clone();
            threads.submit(move |_| tx.send(number).unwrap());
        }
        drop((threads, tx));
        assert_eq!(rx.iter().collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    }
}
