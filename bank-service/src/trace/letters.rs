//! Dead letters: work on them, with a record of who did it.

use std::collections::BTreeSet;
use std::io;

use service_kit::messaging::dead_letters::{Wanted, Work, Worked};
use service_kit::messaging::{DeadLetter, DeadLetterOffice};
use shared_events::EventId;
use shared_events::routing::{EMAIL_QUEUE, LOG_QUEUE, PUSH_QUEUE, SMS_QUEUE};

use crate::config::Config;
use crate::store::{Ctx, IdempotencyError, Outcome, Store, StoreError, letter_actions};

/// Something to do with the dead letters of a queue.
#[derive(Debug, Clone)]
pub struct LetterJob {
    pub queue: String,
    pub work: Work,
    pub wanted: Wanted,
    /// Only tell what would be done.
    pub dry_run: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    #[error("the dead letters cannot be reached")]
    Office(#[from] io::Error),
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The queues that this system's events go to, in order of name.
pub fn known_queues(config: &Config) -> Vec<String> {
    let queues = [LOG_QUEUE, EMAIL_QUEUE, SMS_QUEUE, PUSH_QUEUE, config.callback_queue.as_str()];
    BTreeSet::from(queues.map(str::to_owned)).into_iter().collect()
}

/// Does it, and writes down what was done in the name of `ctx`. A discard is written down before the letters are removed: an
/// event whose letter is gone must not look lost. A replay is written down once its letter is gone.
pub async fn work_letters(
    office: &dyn DeadLetterOffice,
    store: &Store,
    ctx: &Ctx,
    job: &LetterJob,
) -> Result<Vec<(EventId, Worked)>, LetterError> {
    let LetterJob { queue, work, wanted, dry_run } = job;
    let found: BTreeSet<EventId> = office.look(queue, wanted).await?.iter().map(DeadLetter::id).collect();
    let mut done = match wanted {
        Wanted::These(ids) => ids.difference(&found).map(|id| (*id, Worked::Missing)).collect(),
        Wanted::After(_) => Vec::new(),
    };
    if *dry_run || found.is_empty() {
        done.extend(found.into_iter().map(|id| (id, Worked::Done)));
    } else {
        if *work == Work::Discard {
            record(store, ctx, queue, letter_actions::DISCARDED, found.iter().copied().collect()).await?;
        }
        let worked = office.work(queue, *work, &Wanted::These(found)).await?;
        if *work == Work::Replay {
            let replayed = worked.iter().filter(|(_, worked)| *worked == Worked::Done).map(|(id, _)| *id).collect();
            record(store, ctx, queue, letter_actions::REPLAYED, replayed).await?;
        }
        done.extend(worked);
    }
    done.sort_by_key(|(id, _)| *id);
    Ok(done)
}

async fn record(
    store: &Store,
    ctx: &Ctx,
    queue: &str,
    action: &'static str,
    events: Vec<EventId>,
) -> Result<(), StoreError> {
    let queue = queue.to_owned();
    let write = move |db: &mut _, ctx: &_| letter_actions::record(db, ctx, &queue, action, &events).map(Outcome::new);
    store.write(ctx, write).await
}
