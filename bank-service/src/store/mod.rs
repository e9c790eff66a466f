//! The relational store: the only module that uses diesel.
//!
//! [`Store::read`] and [`Store::write`] are the two entry points. A write is one transaction: it runs an operation, writes the
//! operation's events to the outbox and commits; then it wakes the relay. On MySQL a transaction that lost a conflict is
//! retried as a whole, at most `WRITE_ATTEMPTS` times; on SQLite one thread writes, and commits in groups.
//!
//! Under overload a call fails at once with [`StoreError::Busy`] instead of waiting without bound.

pub mod accounts;
pub mod address_keys;
mod banks;
mod batch_loader;
pub(crate) mod batch_queue;
pub mod branches;
pub mod cards;
pub mod changes;
mod cities;
pub mod clients;
pub mod console_sessions;
mod context;
pub mod counters;
mod created;
mod db;
pub mod dead_letter_actions;
pub mod devices;
mod engine;
mod error;
pub mod event_list;
pub mod event_trace;
pub mod existing;
mod fixed_sql;
pub mod former_names;
pub mod grants;
pub mod idempotency;
mod idempotency_batch;
mod idempotency_key;
mod ids;
pub mod imports;
mod in_list;
mod in_pairs;
mod kept_row;
mod lease;
pub mod ledger;
pub mod login_devices;
pub mod mail_alarm;
pub mod mail_receipts;
mod metrics;
pub mod migrations;
#[cfg(feature = "mysql")]
mod mysql;
pub mod named;
pub mod one_time_secrets;
pub mod outbox;
mod outbox_rows;
mod outcome;
mod page;
pub mod phones;
pub mod refresh_tokens;
pub mod roles;
pub mod schema;
mod scoped;
mod seal;
pub mod sealed_values;
pub mod second_factors;
mod sequence;
pub mod sessions;
pub mod signing_keys;
pub mod social;
mod social_statuses;
mod sqlite_id_hooks;
mod sqlite_pool;
pub mod stream_tickets;
pub mod unrouted;
mod url;
pub mod user_roles;
pub mod users;
pub mod vault_keys;
mod work;

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use prometheus::IntCounterVec;
use service_kit::telemetry::Metrics;
use service_kit::telemetry::trace::{Span, current_traceparent};
use shared_events::routing::ACK_QUEUE;
use shared_events::{AccountId, CardId};
use tokio::sync::Notify;

use crate::domain::account::Account;
use crate::domain::card::Card;
use crate::domain::policy::Scope;
use crate::sealing::Seal;

use batch_loader::BatchLoader;
pub use context::Ctx;
pub use created::{BodyOf, Created};
use created::{create, with_rows};
pub use db::Db;
use engine::Engine;
pub use error::{DatabaseUrlError, StoreError};
pub use idempotency_batch::IdempotencyBatch;
pub use idempotency_key::{IdempotencyError, IdempotencyKey};
pub use ids::Ids;
pub use lease::LeaseRow;
use mail_alarm::{MailAlarm, SharedAlarm};
use metrics::SharedMetrics;
use outcome::Effects;
pub use outcome::{EffectLabels, Outcome, PendingEvent, SOURCE};
use scoped::Scoped;
pub use seal::SharedSeal;
pub use sequence::{LedgerNumber, Sequence, Sequenced};
pub use url::DatabaseUrl;
use work::WithRows;

/// An operation's own error. It reports the store error it wraps, so that a lost transaction is retried.
pub trait OperationError: From<StoreError> + Send + 'static {
    fn store_error(&self) -> Option<&StoreError>;
}

impl OperationError for StoreError {
    fn store_error(&self) -> Option<&StoreError> {
        Some(self)
    }
}

/// Implements [`OperationError`] for enums that have a variant `Store(#[from] StoreError)`.
#[macro_export]
macro_rules! operation_errors {
    ($($error:ty),+ $(,)?) => {$(
        impl $crate::store::OperationError for $error {
            fn store_error(&self) -> Option<&$crate::store::StoreError> {
                if let Self::Store(error) = self { Some(error) } else { None }
            }
        }
    )+};
}

/// The result of many callers' requests in one transaction, and the events of each.
pub struct Batch<T> {
    pub value: T,
    pub events: Vec<(Ctx, Vec<PendingEvent>)>,
}

#[derive(Clone)]
pub struct Store {
    engine: Engine,
    ids: Arc<Ids>,
    committed: Arc<Notify>,
    seal: SharedSeal,
    mail_alarm: SharedAlarm,
    /// Counts what was committed.
    effects: Arc<OnceLock<IntCounterVec>>,
    metrics: SharedMetrics,
    callback_queue: Arc<str>,
    times_by_database: bool,
    accounts: BatchLoader<Scoped<Account>>,
    cards: BatchLoader<Scoped<Card>>,
}

impl Store {
    /// Opens the database; does not migrate it. Blocks: call it from a blocking thread or before the server starts.
    pub fn connect(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let ids = Arc::new(Ids::default());
        let (committed, seal) = (Arc::new(Notify::new()), SharedSeal::default());
        let (mail_alarm, effects, metrics) = (SharedAlarm::default(), Arc::default(), SharedMetrics::default());
        let engine = Engine::connect(url, &ids)?;
        let callback_queue = Arc::from(ACK_QUEUE);
        let (accounts, cards) = (BatchLoader::default(), BatchLoader::default());
        let times_by_database = false;
        Ok(Self {
            engine,
            ids,
            committed,
            seal,
            mail_alarm,
            effects,
            metrics,
            callback_queue,
            times_by_database,
            accounts,
            cards,
        })
    }

    /// From now on money is posted at the database's time, which all replicas share, where there is one.
    #[must_use]
    pub fn timed_by_database(mut self) -> Self {
        self.times_by_database = true;
        self
    }

    /// From now on, events that need a confirmation request it on this queue.
    #[must_use]
    pub fn confirmed_on(mut self, callback_queue: &str) -> Self {
        self.callback_queue = callback_queue.into();
        self
    }

    pub fn ctx(&self, now: DateTime<Utc>) -> Ctx {
        let (seal, mail_alarm) = (self.seal.clone(), self.mail_alarm.clone());
        let mut ctx = Ctx::new(self.ids.clone(), seal, mail_alarm, self.callback_queue.clone(), now);
        ctx.times_by_database = self.times_by_database;
        ctx.traceparent = current_traceparent();
        ctx
    }

    /// A span of this database, below the current one.
    pub fn span(&self, operation: &'static str) -> Span {
        Span::database(self.engine.system(), operation, None)
    }

    /// Sets the seal for events with a secret. Before that none can be written.
    pub fn seal_with(&self, seal: Arc<dyn Seal>) {
        self.seal.set(seal);
    }

    /// Sets the alarm that counts mails; the first call wins.
    pub fn watch_mails_with(&self, alarm: MailAlarm) {
        self.mail_alarm.get_or_init(|| alarm);
    }

    /// Sets the counter of effects (see [`PendingEvent::counted_as`]); the first call wins.
    pub fn count_effects_with(&self, counter: IntCounterVec) {
        self.effects.get_or_init(|| counter);
    }

    /// From now on waits for a connection and faults of the database are measured.
    pub fn measure_with(&self, metrics: &Metrics) {
        self.metrics.set(metrics);
    }

    /// The message of an outbox row as it is to be published; none if it cannot be read.
    pub fn message_of(&self, row: &outbox::DueRow) -> Option<shared_events::WireMessage> {
        self.seal.message(row)
    }

    /// A lease that replicas on one database share, under a new holder id; none where one process owns the database.
    pub fn lease(&self, name: &'static str) -> Option<Box<dyn LeaseRow>> {
        self.engine.lease(name)
    }

    /// Notified after each commit that wrote events.
    pub fn committed(&self) -> Arc<Notify> {
        self.committed.clone()
    }

    /// Runs queries on a blocking thread.
    pub async fn read<T, E>(&self, f: impl FnOnce(&mut Db) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let wait = self.metrics.wait_to_read();
        let work = move |db: &mut Db| {
            wait.end();
            f(db)
        };
        self.span("read").scope(self.engine.read(work)).await
    }

    /// An account, if it exists within the scope. Transactions read it with `accounts::find`.
    pub async fn account(&self, scope: Scope, id: AccountId) -> Result<Option<Account>, StoreError> {
        let found = self.span("read").run(self.accounts.find(&self.engine, id.get())).await?;
        Ok(found.and_then(|account| account.within(scope)))
    }

    /// A card, if it exists within the scope. Transactions read it with `cards::find`.
    pub async fn card(&self, scope: Scope, id: CardId) -> Result<Option<Card>, StoreError> {
        let found = self.span("read").run(self.cards.find(&self.engine, id.get())).await?;
        Ok(found.and_then(|card| card.within(scope)))
    }

    /// Runs one operation in one transaction, with its events. `f` may run more than once, each time in a clean transaction.
    pub async fn write<T, E>(
        &self,
        ctx: &Ctx,
        f: impl Fn(&mut Db, &Ctx) -> Result<Outcome<T>, E> + Send + Sync + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: OperationError,
    {
        self.run(with_rows(ctx, f)).await
    }

    /// Whether several transactions write at once: MySQL or MariaDB. SQLite writes one after another.
    pub fn is_server(&self) -> bool {
        self.engine.is_server()
    }

    /// One transaction for the requests of many callers, each with its own events. `f` may run more than once, as in
    /// [`Self::write`].
    pub async fn write_batch<T, E>(
        &self,
        f: impl Fn(&mut Db) -> Result<Batch<T>, E> + Send + Sync + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: OperationError,
    {
        let work = move |db: &mut Db| {
            let Batch { value, events } = f(db)?;
            let (mut effects, mut rows) = (Effects::default(), Vec::with_capacity(events.len()));
            for (ctx, events) in events {
                effects.add(&events);
                rows.extend(outbox::rows(&ctx, &events)?);
            }
            Ok::<_, E>(((value, effects), rows))
        };
        self.run(work).await
    }

    /// Runs a transaction, in a span that a refusal of the operation leaves unmarked; then wakes the relay and counts.
    async fn run<T, E>(&self, f: impl Fn(&mut Db) -> WithRows<(T, Effects), E> + Send + Sync + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: OperationError,
    {
        let wait = self.metrics.wait_to_write();
        let work = move |db: &mut Db| {
            wait.end();
            f(db)
        };
        let mut span = self.span("transaction");
        let done: Result<(T, Effects), E> = work::was_written(span.scope(self.engine.write(work::write(work))).await);
        if done.as_ref().err().and_then(OperationError::store_error).is_some() {
            span.fail("store_error");
        }
        drop(span);
        self.metrics.count_fault(&done);
        Ok(self.committed_with(done?))
    }

    /// Wakes the relay if there are events, and counts what they report.
    fn committed_with<T>(&self, (value, effects): (T, Effects)) -> T {
        service_kit::fail_point!("write.after_commit", if effects.has_events);
        if effects.has_events {
            self.committed.notify_one();
        }
        if let Some(counter) = self.effects.get() {
            for labels in effects.counted {
                counter.with_label_values(&labels).inc();
            }
        }
        value
    }

    /// [`Store::write`] for a create request: under an `Idempotency-Key` the same request gets the same response, and the work is
    /// done once. `body_of` writes the response.
    pub async fn create<T, E>(
        &self,
        ctx: &Ctx,
        key: Option<IdempotencyKey>,
        body_of: BodyOf<T>,
        f: impl Fn(&mut Db, &Ctx) -> Result<Outcome<T>, E> + Send + Sync + 'static,
    ) -> Result<Created, E>
    where
        T: Send + 'static,
        E: OperationError + From<IdempotencyError>,
    {
        self.write(ctx, create(key, body_of, f)).await
    }

    /// Gives back reserved ids that were not used, so that the next process continues with them. To be called after the last write;
    /// a later write reserves new ids.
    pub async fn give_back_ids(&self) {
        self.engine.give_back_ids().await;
    }

    /// Gives back the ids that were not used, and closes a file, which then has no other files beside it. To be called after the
    /// last use of the store: later calls fail.
    pub async fn close(&self) {
        self.give_back_ids().await;
        self.engine.close().await;
    }

    /// Checks for readiness that the database answers and accepts commits.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.engine.probe().await?;
        self.read(|db| {
            use diesel::RunQueryDsl as _;
            let one = diesel::dsl::sql::<diesel::sql_types::BigInt>("1");
            diesel::select(one).get_result::<i64>(db).map(|_| ()).map_err(StoreError::from)
        })
        .await
    }
}
