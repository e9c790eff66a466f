//! A statement as JSON: the head as it is described, then the entries one by one as the list of entries shows them.

use std::io;

use serde::Serialize;
use utoipa::ToSchema;

use super::super::answers::{EntryBody, date};
use super::super::sums::AmountSum;
use crate::domain::ledger::EntryView;
use crate::domain::statement::{Statement, StatementWriter, Sum};

/// The bank that keeps the account.
#[derive(Serialize, ToSchema)]
struct StatementBank {
    /// Its id.
    #[schema(minimum = 1, example = 1)]
    id: i64,
    /// Its name at the end of the period.
    #[schema(example = "First Bank")]
    name: String,
    /// ISO 9362; null if the bank has set none.
    #[schema(pattern = "^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$", example = "DEUTDEFF")]
    bic: Option<String>,
}

/// The account of a statement.
#[derive(Serialize, ToSchema)]
struct StatementAccount {
    /// Its id.
    #[schema(minimum = 1, example = 1)]
    id: i64,
    /// ISO 13616, without spaces; null if it has none.
    #[schema(example = "DE46000000000000000001")]
    iban: Option<String>,
    /// ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    currency: String,
    /// The holder's name at the end of the period.
    #[schema(example = "John Doe")]
    owner: String,
    /// The bank.
    bank: StatementBank,
}

/// The days of a statement.
#[derive(Serialize, ToSchema)]
struct StatementPeriod {
    /// The first day.
    #[schema(format = Date, example = "2026-01-01")]
    from: String,
    /// The last day, which is included.
    #[schema(format = Date, example = "2026-01-31")]
    to: String,
    /// The time zone that the days are of (IANA).
    #[schema(example = "Europe/Berlin")]
    timezone: String,
}

/// How many entries there are, and their sum.
#[derive(Serialize, ToSchema)]
struct StatementSum {
    /// How many there are.
    #[schema(minimum = 0, example = 2)]
    count: u64,
    /// Without a sign.
    sum: AmountSum,
}

impl From<Sum> for StatementSum {
    fn from(sum: Sum) -> Self {
        Self { count: sum.count, sum: sum.sum.into() }
    }
}

/// The entries of an account in a period. `opening_balance` + `credits` − `debits` = `closing_balance`.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountStatement)]
pub(super) struct StatementBody {
    /// The same for the same account and period.
    #[schema(example = "1-20260101-20260131")]
    id: String,
    /// The account.
    account: StatementAccount,
    /// The period.
    period: StatementPeriod,
    /// Whether entries of the period may still come.
    provisional: bool,
    /// Before the first entry, in the minor unit of the currency.
    #[schema(example = 520)]
    opening_balance: i64,
    /// After the last entry.
    #[schema(example = 420)]
    closing_balance: i64,
    /// The entries that took money out.
    debits: StatementSum,
    /// The entries that brought money in.
    credits: StatementSum,
    /// When the statement was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// Those that moved money, the oldest first.
    entries: Vec<EntryBody>,
}

impl From<&Statement> for StatementBody {
    fn from(statement: &Statement) -> Self {
        let bank = StatementBank {
            id: statement.bank_id.get(),
            name: statement.bank.clone(),
            bic: statement.bic.as_ref().map(ToString::to_string),
        };
        Self {
            id: statement.id(),
            account: StatementAccount {
                id: statement.account_id.get(),
                iban: statement.iban.clone(),
                currency: statement.currency.code().to_owned(),
                owner: statement.owner.clone(),
                bank,
            },
            period: StatementPeriod {
                from: statement.period.from.to_string(),
                to: statement.period.to.to_string(),
                timezone: statement.calendar.to_string(),
            },
            provisional: statement.is_provisional,
            opening_balance: statement.opening_balance,
            closing_balance: statement.closing_balance,
            debits: statement.totals.debits.into(),
            credits: statement.totals.credits.into(),
            created_at: date(statement.created_at),
            entries: Vec::new(),
        }
    }
}

pub(super) struct Json {
    is_staff: bool,
    has_entry: bool,
}

impl Json {
    pub(super) fn new(is_staff: bool) -> Self {
        Self { is_staff, has_entry: false }
    }
}

impl StatementWriter for Json {
    fn begin(&mut self, statement: &Statement, out: &mut Vec<u8>) -> io::Result<()> {
        let mut head = serde_json::to_vec(&StatementBody::from(statement))?;
        // The list of entries is the last field, and is left open here: `]}` comes at the end.
        head.truncate(head.len().saturating_sub(2));
        out.append(&mut head);
        Ok(())
    }

    fn entry(&mut self, _: &Statement, view: &EntryView, out: &mut Vec<u8>) -> io::Result<()> {
        if std::mem::replace(&mut self.has_entry, true) {
            out.push(b',');
        }
        serde_json::to_writer(&mut *out, &EntryBody::new(view, self.is_staff))?;
        Ok(())
    }

    fn end(&mut self, _: &Statement, out: &mut Vec<u8>) -> io::Result<()> {
        out.extend_from_slice(b"]}");
        Ok(())
    }
}
