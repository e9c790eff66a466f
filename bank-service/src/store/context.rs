//! The context of an operation.

use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, Utc};
use shared_events::UserId;

use super::mail_alarm::{MailAlarm, SharedAlarm};
use super::{Ids, Sequenced, SharedSeal, StoreError};
use crate::domain::iban::IbanScheme;
use crate::sealing::CounterKey;

/// The time, the ids, the caller and the request of one operation. Fixed before the transaction begins, so that an operation
/// reads no clock.
#[derive(Debug, Clone)]
pub struct Ctx {
    /// Cut to microseconds, the precision of the database.
    pub now: DateTime<Utc>,
    /// The caller; none for a registration, a login or the command line.
    pub user_id: Option<UserId>,
    pub request_id: Option<String>,
    pub traceparent: Option<String>,
    /// Whether owners set balances, and close what has money in it.
    pub owners_set_balances: bool,
    /// How an account's IBAN is made; none outside of the service.
    pub ibans: Option<Arc<IbanScheme>>,
    ids: Arc<Ids>,
    pub(super) seal: SharedSeal,
    mail_alarm: SharedAlarm,
    pub(super) callback_queue: Arc<str>,
    /// Whether money is posted at the database's time.
    pub(super) times_by_database: bool,
}

impl Ctx {
    pub(super) fn new(
        ids: Arc<Ids>,
        seal: SharedSeal,
        mail_alarm: SharedAlarm,
        callback_queue: Arc<str>,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            now,
            user_id: None,
            request_id: None,
            traceparent: None,
            ids,
            seal,
            mail_alarm,
            callback_queue,
            times_by_database: false,
            owners_set_balances: true,
            ibans: None,
        }
    }

    #[must_use]
    pub fn by(mut self, user_id: UserId) -> Self {
        self.user_id = Some(user_id);
        self
    }

    #[must_use]
    pub fn in_request(mut self, request_id: Option<String>) -> Self {
        self.request_id = request_id;
        self
    }

    /// The time in the form of the tables.
    pub fn now_naive(&self) -> NaiveDateTime {
        self.now.naive_utc()
    }

    /// The next id of a table: `ctx.next_id::<AccountId>()`.
    pub fn next_id<I: Sequenced>(&self) -> Result<I, StoreError> {
        self.ids.next()
    }

    /// [`StoreError::IdsExhausted`] if so many ids of a table cannot be taken.
    pub fn require_ids<I: Sequenced>(&self, count: usize) -> Result<(), StoreError> {
        self.ids.require::<I>(count)
    }

    /// The key of a counter: without `SECRET_KEY` it does not reveal what it counts.
    pub fn counter_key(&self, purpose: &str, parts: &[&str]) -> Result<CounterKey, StoreError> {
        self.seal.counter_key(purpose, parts)
    }

    /// None in a process that has not started the identity service.
    pub fn mail_alarm(&self) -> Option<&MailAlarm> {
        self.mail_alarm.get()
    }
}
