//! Many requests in one transaction: rows are loaded and written together, and decided one after another in between. What one of
//! them is refused for is no matter of the others.
//!
//! Locks are taken in the order that all transactions keep: accounts that get cards (for share), holds and originals, ledger
//! accounts, each by id. The keys of requests are read first and inserted last; a key that another transaction has inserted
//! meanwhile makes the batch start over.

mod cards;
mod load;
mod money;
mod replays;

use std::collections::{HashMap, HashSet};

use shared_events::AccountId;

use super::command::{Posted, Request, TransferError};
use super::issue_card::{IssueCard, IssueCardError};
use crate::domain::card::Card;
use crate::domain::ledger::{Book, LedgerAccount, LedgerId, Owner, StripeKey, TransferId};
use crate::operations::errors::retry_if_referred_to;
use crate::store::ledger::{self, Decided, Wait};
use crate::store::{self, Created, Ctx, Db, IdempotencyBatch, PendingEvent, StoreError};
use replays::Replays;

/// A job for the writer.
#[derive(Debug, Clone)]
pub(super) enum Job {
    Money(Request),
    Card(IssueCard),
}

impl Job {
    pub(super) fn ctx(&self) -> &Ctx {
        match self {
            Self::Money(request) => &request.ctx,
            Self::Card(card) => &card.ctx,
        }
    }
}

/// The answer to a job.
#[derive(Debug)]
pub(super) enum Answer {
    Money(Result<Box<Posted>, TransferError>),
    Card(Result<Created, IssueCardError>),
}

impl Answer {
    /// Whether another transaction kept the rows that are needed.
    pub(super) fn is_skipped(&self) -> bool {
        matches!(
            self,
            Self::Money(Err(TransferError::Store(StoreError::Serialization)))
                | Self::Card(Err(IssueCardError::Store(StoreError::Serialization)))
        )
    }

    /// The answer, or what fails the transaction with all that is in it.
    fn of_one(self) -> Result<Self, StoreError> {
        match self {
            answer if answer.is_skipped() => Ok(answer),
            Self::Money(Err(TransferError::Store(error))) | Self::Card(Err(IssueCardError::Store(error))) => Err(error),
            answer => Ok(answer),
        }
    }
}

/// Does the jobs one after another; answers them in their order, with the events of each. With [`Wait::Skip`], a job whose rows
/// another transaction has is answered with [`StoreError::Serialization`].
pub(super) fn do_all(db: &mut Db, jobs: &[Job], wait: Wait) -> Result<Vec<(Answer, Vec<PendingEvent>)>, StoreError> {
    let Some(ctx) = jobs.iter().map(Job::ctx).max_by_key(|ctx| ctx.now) else { return Ok(Vec::new()) };
    let mut batch = Batch::load(db, ctx, jobs, wait)?;
    let mut answers = Vec::with_capacity(jobs.len());
    for job in jobs {
        let answer = match job {
            Job::Money(request) => Answer::Money(batch.post(db, request).map(Box::new)),
            Job::Card(card) => Answer::Card(batch.issue(card)),
        };
        answers.push((answer.of_one()?, std::mem::take(&mut batch.events)));
    }
    batch.save(db)?;
    Ok(answers)
}

/// The rows that were loaded and locked, and the decisions so far.
struct Batch {
    wait: Wait,
    book: Book,
    stripes: HashMap<StripeKey, LedgerId>,
    /// Customers' ledger accounts as they were read without a lock: only what never changes of them is used.
    facts: HashMap<LedgerId, LedgerAccount>,
    /// The accounts that get cards. None of them is deleted meanwhile.
    parents: HashMap<AccountId, Owner>,
    skipped: Skipped,
    /// Earlier results under the keys of these requests.
    replays: Replays,
    /// And what this batch did: the hash of the request, and its answer.
    posted: HashMap<String, (String, Posted)>,
    /// The keys whose use no transfer shows.
    keys: IdempotencyBatch,
    cards: Vec<Card>,
    decided: Vec<Decided>,
    /// Those of the job that is being done.
    events: Vec<PendingEvent>,
}

/// Rows that exist and that another transaction has locked.
#[derive(Debug, Default)]
struct Skipped {
    accounts: HashSet<AccountId>,
    transfers: HashSet<TransferId>,
    ledger_accounts: HashSet<LedgerId>,
}

impl Batch {
    fn save(self, db: &mut Db) -> Result<(), StoreError> {
        store::cards::insert(db, &self.cards).map_err(retry_if_referred_to)?;
        ledger::save(db, &self.book, &self.decided, &[])?;
        self.keys.save(db)
    }
}
