//! Statements for the tests of the formats.

use chrono::{DateTime, TimeDelta, Utc};
use shared_events::{AccountId, BankId, ClientId, Currency, UserId};

use super::{Calendar, Period, Statement, StatementWriter, Totals};
use crate::domain::bic::Bic;
use crate::domain::ledger::{
    Amount, Entry, EntryView, LedgerAccount, LedgerId, StripeKey, System, Text, Transfer, TransferId, TransferKind,
    TransferStatus,
};

const LONG: &str = "Zahlung für die Überholung der Heizung im Haus an der Straße; Łódź, Πειραιάς, 深圳; - danke : und auf \
    Wiedersehen, bis zum Jahr 2027";

/// A statement with its entries.
pub(super) struct Case {
    pub(super) statement: Statement,
    pub(super) views: Vec<EntryView>,
}

/// An entry as a test describes it.
struct Moved<'a> {
    seq: i64,
    at: DateTime<Utc>,
    kind: TransferKind,
    amount: i64,
    reference: Option<&'a str>,
    description: Option<&'a str>,
}

impl Case {
    /// Five entries of January 2026 in Berlin: credits, debits and both kinds of reversals.
    pub(super) fn usual() -> Self {
        use TransferKind::{Deposit, Reversal, Transfer};

        let mut case = Self::empty();
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let moved = |seq, time, kind, amount, reference, description| Moved {
            seq,
            at: at(time),
            kind,
            amount,
            reference,
            description,
        };
        case.add(&moved(2, "2026-01-16T17:10:26Z", Transfer, -100, Some("INVOICE-7"), Some("Rent & \"heating\"")));
        case.add(&moved(3, "2026-01-20T23:30:00Z", Deposit, 50_000, Some("BRANCH-12"), None));
        case.add(&moved(5, "2026-01-22T09:00:00.250Z", Reversal, 30, None, Some("=charged twice")));
        let reference = "AB/CD//0123456789-ABCDEFGHIJKLMNOPQ";
        case.add(&moved(6, "2026-01-23T12:00:00Z", Transfer, -50_950, Some(reference), Some(LONG)));
        case.add(&moved(7, "2026-01-31T22:59:59.999999Z", Reversal, -20, None, Some("counted twice")));
        case
    }

    /// The same entries, with this text for each reference and description.
    pub(super) fn with_texts(mut self, text: &str) -> Self {
        for transfer in self.views.iter_mut().filter_map(|view| view.transfer.as_mut()) {
            transfer.text = Text { reference: Some(text.to_owned()), description: Some(text.to_owned()) };
        }
        self
    }

    /// Many entries of one minute each.
    pub(super) fn of(count: i64) -> Self {
        let mut case = Self::empty();
        for seq in 1..=count {
            let text = format!("Entry {seq} of many, with a text that needs more than one line on paper");
            case.add(&Moved {
                seq,
                at: "2026-01-16T12:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(seq),
                kind: TransferKind::Transfer,
                amount: if seq % 3 == 0 { -seq } else { seq },
                reference: Some("MANY"),
                description: Some(&text),
            });
        }
        case
    }

    pub(super) fn empty() -> Self {
        let statement = Statement {
            account_id: AccountId::try_new(1).unwrap(),
            iban: Some("DE46000000000000000001".to_owned()),
            currency: Currency::EUR,
            owner: "Ada Söhne".to_owned(),
            bank_id: BankId::try_new(3).unwrap(),
            bank: "First Bank".to_owned(),
            bic: Bic::parse("BOBADEFFXXX"),
            period: Period { from: "2026-01-01".parse().unwrap(), to: "2026-01-31".parse().unwrap() },
            calendar: Calendar::parse("Europe/Berlin").unwrap(),
            is_provisional: false,
            opening_balance: 520,
            closing_balance: 520,
            totals: Totals::default(),
            created_at: "2026-02-01T08:00:00Z".parse().unwrap(),
        };
        Self { statement, views: Vec::new() }
    }

    fn add(&mut self, moved: &Moved<'_>) {
        let balance = self.statement.closing_balance + moved.amount;
        self.statement.totals.add(moved.amount);
        self.statement.closing_balance = balance;
        let own = LedgerId::of_account(self.statement.account_id);
        let other = if moved.kind == TransferKind::Deposit || moved.amount == -20 { cash() } else { bob() };
        let (from, to) = if moved.amount < 0 { (own, other.id) } else { (other.id, own) };
        let (own_name, other_name) = (self.statement.owner.clone(), other.holder.clone());
        let (from_name, to_name) = if moved.amount < 0 { (own_name, other_name) } else { (other_name, own_name) };
        let id = TransferId::from_number(i128::from(moved.seq) + (0x0198_0f3e_i128 << 96));
        let text =
            Text { reference: moved.reference.map(str::to_owned), description: moved.description.map(str::to_owned) };
        let transfer = Transfer {
            id,
            from,
            to,
            amount: Amount::try_new(moved.amount.abs()).unwrap(),
            currency: self.statement.currency,
            kind: moved.kind,
            status: TransferStatus::Posted,
            text,
            captured_amount: None,
            reversed_amount: 0,
            hold_id: None,
            reverses_id: None,
            from_name,
            to_name,
            created_at: moved.at,
            posted_at: Some(moved.at),
            ended_at: None,
            expires_at: None,
            actor: None,
        };
        let entry = Entry {
            ledger_id: own,
            seq: moved.seq,
            transfer_id: Some(id),
            amount: moved.amount,
            held_change: 0,
            balance_after: balance,
            held_after: 0,
            min_balance_after: -100_000,
            posted_at: moved.at,
        };
        self.views.push(EntryView { entry, transfer: Some(transfer), counterparty: Some(other) });
    }
}

fn bob() -> LedgerAccount {
    let (client, user) = (ClientId::try_new(2).unwrap(), UserId::try_new(2).unwrap());
    let bank = BankId::try_new(3).unwrap();
    let account = AccountId::try_new(2).unwrap();
    LedgerAccount {
        iban: Some("DE19000000000000000002".to_owned()),
        holder: "Bob".to_owned(),
        ..LedgerAccount::of_account(account, (client, user), bank, Currency::EUR, DateTime::UNIX_EPOCH)
    }
}

fn cash() -> LedgerAccount {
    let key =
        StripeKey { bank_id: BankId::try_new(3).unwrap(), currency: Currency::EUR, system: System::Cash, stripe: 0 };
    LedgerAccount { holder: "First Bank".to_owned(), ..key.open(LedgerId::stored(-1), DateTime::UNIX_EPOCH) }
}

/// The bytes of a statement.
pub(super) fn bytes(mut writer: impl StatementWriter, case: &Case) -> Vec<u8> {
    let mut out = Vec::new();
    if writer.is_measuring() {
        for view in &case.views {
            writer.measure(&case.statement, view);
        }
    }
    writer.begin(&case.statement, &mut out).unwrap();
    for view in &case.views {
        writer.entry(&case.statement, view, &mut out).unwrap();
    }
    writer.end(&case.statement, &mut out).unwrap();
    out
}

pub(super) fn written(writer: impl StatementWriter, case: &Case) -> String {
    String::from_utf8(bytes(writer, case)).unwrap()
}
