//! Metrics of the ledger: effects and refusals, how the writer shares transactions, and the money that is held.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus::{Histogram, IntCounterVec, IntGauge, IntGaugeVec};
use service_kit::telemetry::Metrics;

use super::batch::{Answer, Job};
use super::command::{Command, TransferError};
use super::issue_card::IssueCardError;
use crate::domain::balance::Balance;
use crate::domain::ledger::{Refusal, TransferKind};
use crate::domain::scope::{OutOfScope, Scope};
use crate::store::EffectLabels;

/// The results beside those of an effect (its status, and `captured`) and of a refusal (its stable code).
const REPLAYED: &str = "replayed";
const FAILED: &str = "failed";

pub(super) struct LedgerMetrics {
    transfers: IntCounterVec,
    batch_size: Histogram,
    commit_seconds: Histogram,
    waiting: IntGauge,
    held: IntGaugeVec,
    /// The currencies that something was held in.
    currencies: Mutex<BTreeMap<String, IntGauge>>,
}

/// Counts a request for as long as it waits.
pub(super) struct WaitingRequest(IntGauge);

impl Drop for WaitingRequest {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl LedgerMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let waiting = "Transfers and cards that wait for the transaction before theirs.";
        let held = "What open holds keep from being spent, in the minor unit, when it was last summed up.";
        let size = "Transfers and cards in one transaction.";
        let seconds = "Time of such a transaction, from its connection to its commit.";
        Self {
            transfers: metrics.counter(
                "bank_ledger_transfers_total",
                "Effects on money, and requests for them that had none, by kind of transfer and result.",
                &["kind", "result"],
            ),
            batch_size: metrics.sizes("bank_ledger_batch_size", size, &[]).with_label_values::<&str>(&[]),
            commit_seconds: metrics
                .histogram("bank_ledger_commit_seconds", seconds, &[])
                .with_label_values::<&str>(&[]),
            waiting: metrics.gauge("bank_ledger_queue_depth", waiting, &[]).with_label_values::<&str>(&[]),
            held: metrics.gauge("bank_ledger_held_minor_units", held, &["currency"]),
            currencies: Mutex::default(),
        }
    }

    /// The counter of effects, for the store: they count once they are committed.
    pub(super) fn effects(&self) -> IntCounterVec {
        self.transfers.clone()
    }

    pub(super) fn waiting(&self) -> WaitingRequest {
        self.waiting.inc();
        WaitingRequest(self.waiting.clone())
    }

    pub(super) fn committed(&self, requests: usize, took: Duration) {
        self.batch_size.observe(f64::from(u32::try_from(requests).unwrap_or(u32::MAX)));
        self.commit_seconds.observe(took.as_secs_f64());
    }

    /// Counts an answer without an effect. The others are counted by their effects.
    pub(super) fn answered(&self, job: &Job, answer: &Answer) {
        let result = match answer {
            Answer::Money(Ok(posted)) if posted.is_replayed => REPLAYED,
            Answer::Card(Ok(created)) if created.replayed => REPLAYED,
            Answer::Money(Ok(_)) | Answer::Card(Ok(_)) => return,
            Answer::Money(Err(error)) => result_of(error),
            Answer::Card(Err(IssueCardError::OutOfScope(error))) => out_of_scope(error),
            Answer::Card(Err(IssueCardError::Idempotency(_))) => "idempotency_key_reused",
            Answer::Card(Err(IssueCardError::Store(_))) => FAILED,
        };
        self.count(job, result);
    }

    /// Counts a request that was done before.
    pub(super) fn replayed(&self, job: &Job) {
        self.count(job, REPLAYED);
    }

    /// Counts a request whose transaction failed.
    pub(super) fn failed(&self, job: &Job) {
        self.count(job, FAILED);
    }

    pub(super) fn refused(&self, command: &Command, error: &TransferError) {
        self.count_as([command.kind().as_str(), result_of(error)]);
    }

    /// A card without a balance moves no money.
    fn count(&self, job: &Job, result: &'static str) {
        match job {
            Job::Money(request) => self.count_as([request.command.kind().as_str(), result]),
            Job::Card(card) if card.wanted.balance == Balance::default() => {}
            Job::Card(_) => self.count_as([TransferKind::Opening.as_str(), result]),
        }
    }

    fn count_as(&self, labels: EffectLabels) {
        self.transfers.with_label_values(&labels).inc();
    }

    /// Shows what is held; nothing in currencies that are not named any more.
    pub(super) fn show_held(&self, sums: &BTreeMap<String, i128>) {
        let mut currencies = self.currencies.lock().unwrap_or_else(PoisonError::into_inner);
        for currency in sums.keys() {
            currencies.entry(currency.clone()).or_insert_with(|| self.held.with_label_values(&[currency.as_str()]));
        }
        for (currency, gauge) in currencies.iter() {
            gauge.set(i64::try_from(sums.get(currency).copied().unwrap_or_default()).unwrap_or(i64::MAX));
        }
    }
}

fn result_of(error: &TransferError) -> &'static str {
    match error {
        TransferError::Refused(refusal) => code_of(refusal),
        TransferError::Idempotency(_) => "idempotency_key_reused",
        TransferError::Store(_) => FAILED,
    }
}

fn out_of_scope(error: &OutOfScope) -> &'static str {
    match error.scope {
        Scope::All => "not_found",
        Scope::Own(_) => "access_denied",
    }
}

/// The code that a client gets for a refusal.
pub(crate) fn code_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::OutOfScope(error) => out_of_scope(error),
        Refusal::SameAccount => "same_account",
        Refusal::CurrencyMismatch => "currency_mismatch",
        Refusal::InsufficientFunds { .. } | Refusal::SpentByReceiver => "insufficient_funds",
        Refusal::UnknownRecipient | Refusal::NoSuchRecipient => "unknown_recipient",
        Refusal::AccountClosed => "account_closed",
        Refusal::BalanceOutOfRange | Refusal::StripeFull(_) => "balance_out_of_range",
        Refusal::HoldEnded | Refusal::NotHeld => "hold_ended",
        Refusal::MoreThanHeld { .. } | Refusal::MoreThanLeft { .. } => "validation_failed",
        Refusal::NotPosted => "not_posted",
        Refusal::NotReversible => "not_reversible",
        Refusal::OverdraftInUse => "overdraft_in_use",
        Refusal::BelowHeld { .. } | Refusal::Missing(_) => "internal_error",
    }
}
