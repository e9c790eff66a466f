//! How transfers, entries and balances look to clients.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::iban::masked;
use crate::domain::ledger::{Amount, EntryView, LedgerAccount, LedgerId, LedgerKind, Transfer, shown_available};
use crate::operations::ledger::{BalanceAt, Posted};

/// Times with microseconds, since `at` asks by them.
pub(super) fn date(date: DateTime<Utc>) -> String {
    date.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A side of a transfer: an account, a card, or a bank's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = TransferSide)]
pub(super) struct SideView {
    /// The account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 1)]
    account_id: Option<i64>,
    /// The card.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    card_id: Option<i64>,
    /// The bank whose own it is; beside `system`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    bank_id: Option<i64>,
    /// A ledger account of the bank itself: of money from and to outside, first balances, balances set by hand, or closed accounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    system: Option<&'static str>,
}

impl SideView {
    pub(super) fn of(id: LedgerId, account: Option<&LedgerAccount>) -> Self {
        let system = account.and_then(|account| match account.kind {
            LedgerKind::System(system) => Some(system.as_str()),
            LedgerKind::Account | LedgerKind::Card => None,
        });
        Self {
            account_id: id.account().map(i64::from),
            card_id: id.card().map(i64::from),
            bank_id: system.and_then(|_| account.map(|account| account.bank_id.get())),
            system,
        }
    }
}

/// A transfer. Only the end of a hold and what was reversed change it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Transfer)]
pub(crate) struct TransferView {
    /// A UUID of version 7: later transfers have greater ids.
    #[schema(format = Uuid)]
    id: String,
    /// Debited.
    from: SideView,
    /// Credited.
    to: SideView,
    /// In the minor unit of `currency`.
    #[schema(minimum = 1, example = 100)]
    amount: i64,
    /// ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    currency: String,
    /// Why money moves.
    kind: crate::domain::ledger::TransferKind,
    /// The state of the transfer. Only a hold is ever other than `posted`.
    status: crate::domain::ledger::TransferStatus,
    /// The sender's end-to-end id.
    reference: Option<String>,
    /// The purpose, in the sender's words.
    description: Option<String>,
    /// The captured part of a hold; null until then.
    #[schema(minimum = 1)]
    captured_amount: Option<i64>,
    /// The part that was reversed so far.
    #[schema(minimum = 0, example = 0)]
    reversed_amount: i64,
    /// The hold that this transfer captures.
    #[schema(format = Uuid)]
    hold_id: Option<String>,
    /// The transfer that this one reverses.
    #[schema(format = Uuid)]
    reverses_id: Option<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When the money moved; null for a hold.
    #[schema(format = DateTime)]
    posted_at: Option<String>,
    /// When the hold ended.
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    /// When the hold ends by itself.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// For staff: the user who asked for it; null if no user did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    actor: Option<i64>,
    /// For staff: its event.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Uuid)]
    event_id: Option<String>,
}

impl TransferView {
    /// `sides` has the ledger accounts of a bank's own sides.
    pub(super) fn new(transfer: &Transfer, sides: &[LedgerAccount]) -> Self {
        let side = |id| SideView::of(id, sides.iter().find(|side| side.id == id));
        Self {
            id: transfer.id.to_string(),
            from: side(transfer.from),
            to: side(transfer.to),
            amount: transfer.amount.minor(),
            currency: transfer.currency.code().to_owned(),
            kind: transfer.kind,
            status: transfer.status,
            reference: transfer.text.reference.clone(),
            description: transfer.text.description.clone(),
            captured_amount: transfer.captured_amount.map(Amount::minor),
            reversed_amount: transfer.reversed_amount,
            hold_id: transfer.hold_id.map(|id| id.to_string()),
            reverses_id: transfer.reverses_id.map(|id| id.to_string()),
            created_at: date(transfer.created_at),
            posted_at: transfer.posted_at.map(date),
            ended_at: transfer.ended_at.map(date),
            expires_at: transfer.expires_at.map(date),
            actor: None,
            event_id: None,
        }
    }

    /// The code of its currency.
    pub(crate) fn currency(&self) -> &str {
        &self.currency
    }

    /// With what only staff sees.
    pub(super) fn for_staff(mut self, transfer: &Transfer, event_id: Option<&str>) -> Self {
        self.actor = transfer.actor.map(i64::from);
        self.event_id = event_id.map(ToOwned::to_owned);
        self
    }
}

/// The caller's own side, as it is after the transfer.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = TransferredSide)]
pub(super) struct AfterView {
    #[serde(flatten)]
    side: SideView,
    /// In the minor unit of the currency.
    #[schema(example = 420)]
    balance: i64,
    /// Money that open holds keep from being spent.
    #[schema(minimum = 0, example = 0)]
    held: i64,
    /// Money that may be spent; at most 9007199254740991, the largest amount.
    #[schema(maximum = 9_007_199_254_740_991_i64, example = 420)]
    available: i64,
    /// The number of the last entry.
    #[schema(minimum = 0, example = 2)]
    seq: i64,
}

impl AfterView {
    fn new(account: &LedgerAccount) -> Self {
        Self {
            side: SideView::of(account.id, Some(account)),
            balance: account.balance,
            held: account.held,
            available: account.shown_available(),
            seq: account.seq,
        }
    }
}

/// The answer to what moves money: the transfer, and the caller's own side after it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = TransferAnswer)]
pub(super) struct PostedBody {
    /// `item created` or `item updated`.
    #[schema(example = "item created")]
    msg: &'static str,
    item: TransferView,
    /// The caller's own side, as it is after the transfer; the debited one for staff.
    own: AfterView,
}

impl PostedBody {
    pub(super) fn created(posted: &Posted, is_staff: bool) -> Self {
        Self::new("item created", posted, is_staff)
    }

    pub(super) fn updated(posted: &Posted, is_staff: bool) -> Self {
        Self::new("item updated", posted, is_staff)
    }

    fn new(msg: &'static str, posted: &Posted, is_staff: bool) -> Self {
        let sides = [posted.from.clone(), posted.to.clone()];
        let item = TransferView::new(&posted.transfer, &sides);
        let item = if is_staff { item.for_staff(&posted.transfer, posted.event_id.as_deref()) } else { item };
        Self { msg, item, own: AfterView::new(&posted.own) }
    }
}

/// The other side of an entry: a name for customers, the side itself for staff.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Counterparty)]
pub(super) struct CounterpartyView {
    /// The name that it had at posting.
    name: Option<String>,
    /// The account's IBAN, all but its ends hidden.
    iban_masked: Option<String>,
    /// For staff: the side itself.
    #[serde(flatten)]
    side: Option<SideView>,
}

/// An entry: what a transfer did to this account or card.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Entry)]
pub(crate) struct EntryBody {
    /// Counts the entries from 1, without gaps. Those that moved no money are left out unless `kind` asks for them.
    #[schema(minimum = 1, example = 2)]
    seq: i64,
    /// The transfer; null for a changed limit.
    #[schema(format = Uuid)]
    transfer_id: Option<String>,
    /// The transfer's kind; `hold` or `limit` where no money moved.
    #[schema(example = "transfer")]
    kind: String,
    /// Negative if the account was debited.
    #[schema(example = -100)]
    amount: i64,
    /// The balance after it.
    #[schema(example = 420)]
    balance_after: i64,
    /// The other side.
    counterparty: Option<CounterpartyView>,
    /// The sender's end-to-end id.
    reference: Option<String>,
    /// The purpose, in the sender's words.
    description: Option<String>,
    /// When it was posted.
    #[schema(format = DateTime)]
    posted_at: String,
}

impl EntryBody {
    pub(super) fn new(view: &EntryView, is_staff: bool) -> Self {
        let EntryView { entry, transfer, counterparty } = view;
        let kind = match transfer {
            Some(transfer) if entry.amount != 0 => transfer.kind.as_str(),
            Some(_) => "hold",
            None => "limit",
        };
        let name = view.counterparty_name().map(ToOwned::to_owned);
        let counterparty = counterparty.as_ref().map(|account| CounterpartyView {
            name,
            iban_masked: account.iban.as_deref().map(masked),
            side: is_staff.then(|| SideView::of(account.id, Some(account))),
        });
        Self {
            seq: entry.seq,
            transfer_id: entry.transfer_id.map(|id| id.to_string()),
            kind: kind.to_owned(),
            amount: entry.amount,
            balance_after: entry.balance_after,
            counterparty,
            reference: transfer.as_ref().and_then(|transfer| transfer.text.reference.clone()),
            description: transfer.as_ref().and_then(|transfer| transfer.text.description.clone()),
            posted_at: date(entry.posted_at),
        }
    }
}

/// A balance at a time.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = BalanceAt)]
pub(super) struct BalanceBody {
    /// In the minor unit of `currency`.
    #[schema(example = 520)]
    balance: i64,
    /// Money that open holds kept from being spent.
    #[schema(minimum = 0, example = 0)]
    held: i64,
    /// Money that could be spent; at most 9007199254740991, the largest amount.
    #[schema(maximum = 9_007_199_254_740_991_i64, example = 520)]
    available: i64,
    /// ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    currency: String,
    /// The time asked for.
    #[schema(format = DateTime)]
    at: String,
    /// The number of the last entry up to then; 0 before the first.
    #[schema(minimum = 0, example = 1)]
    seq: i64,
}

impl BalanceBody {
    pub(super) fn new(found: &BalanceAt, at: DateTime<Utc>) -> Self {
        let (balance, held, available, seq) = found.entry.map_or((0, 0, 0, 0), |entry| {
            let available = shown_available(entry.balance_after, entry.held_after, entry.min_balance_after);
            (entry.balance_after, entry.held_after, available, entry.seq)
        });
        Self { balance, held, available, currency: found.account.currency.code().to_owned(), at: date(at), seq }
    }
}
