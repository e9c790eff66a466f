//! `ledger verify|trial-balance|export`: each reads the ledger on a connection of its own, also while the service runs. Amounts are
//! in the minor unit of the currency.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Args, Subcommand};
use service_kit::config::{Expected, Faults};
use shared_events::{AccountId, Currency, date};

use super::print_line;
use crate::domain::csv_cell::cell;
use crate::domain::ledger::{EntryView, LedgerId};
use crate::domain::scope::Scope;
use crate::operations::ledger::{SeqRange, statement_page};
use crate::store::ledger::{self, Depth, Step, Total, Verifier};
use crate::store::{DatabaseUrl, Db, existing};

const COLUMNS: [&str; 10] = [
    "seq",
    "posted_at",
    "kind",
    "transfer_id",
    "amount",
    "balance_after",
    "currency",
    "counterparty",
    "reference",
    "description",
];

#[derive(Debug, Clone, Subcommand)]
pub enum LedgerCommand {
    /// Check what was posted since the last check that found nothing; exit code 1 and a line for each violation
    Verify {
        /// Check every entry and transfer
        #[arg(long)]
        full: bool,
    },
    /// Print debits and credits by currency, bank and kind; exit code 1 if they differ
    TrialBalance {
        /// Only this currency
        #[arg(long, value_name = "CODE", value_parser = currency)]
        currency: Option<Currency>,
    },
    /// Print the entries of an account, also of a closed one, as CSV, the oldest first
    Export(Export),
}

#[derive(Debug, Clone, Args)]
pub struct Export {
    /// The account
    #[arg(long, value_name = "ID", value_parser = account)]
    account: AccountId,
    /// From this time on, such as 2026-01-31 (its first second) or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<DateTime<Utc>>,
    /// Up to this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<DateTime<Utc>>,
}

fn currency(text: &str) -> Result<Currency, Expected> {
    text.parse().map_err(|_| Expected::new("a currency's code of ISO 4217 in capital letters, such as EUR"))
}

fn account(text: &str) -> Result<AccountId, Expected> {
    text.parse().map_err(|_| Expected::new("an account's id, such as 17"))
}

fn time(text: &str) -> Result<DateTime<Utc>, Expected> {
    date::parse(text).ok_or_else(|| Expected::new("a time, such as 2026-01-31 or 2026-01-31T12:00:00Z"))
}

impl LedgerCommand {
    pub(super) fn check(&self, faults: &mut Faults) {
        if let Self::Export(Export { from: Some(from), to: Some(to), .. }) = self
            && from > to
        {
            faults.add("--from: must not be after --to");
        }
    }
}

pub(super) fn run(command: LedgerCommand, url: &DatabaseUrl) -> anyhow::Result<ExitCode> {
    let mut db = existing::open(url).with_context(|| format!("DATABASE_URL: {}", url.redacted()))?;
    match command {
        LedgerCommand::Verify { full } => verify(&mut db, url, if full { Depth::Full } else { Depth::New }),
        LedgerCommand::TrialBalance { currency } => trial_balance(&mut db, currency),
        LedgerCommand::Export(wanted) => export(&mut db, &wanted),
    }
}

fn verify(db: &mut Db, url: &DatabaseUrl, depth: Depth) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let mut verifier = Verifier::new(depth);
    let mut kept = existing::open_to_write(url);
    while let Step::Checked(checked) = verifier.step(db)? {
        kept = kept.and_then(|mut db| {
            ledger::commit_checkpoints(&mut db, &checked)?;
            Ok(db)
        });
    }
    let found = verifier.found();
    if let Err(error) = kept {
        let reason = anyhow::Error::from(error);
        print_line(format_args!(
            "note  the next check begins where this one did: its end could not be written: {reason:#}"
        ))?;
    }
    for violation in &found.listed {
        print_line(format_args!("FAIL  {violation}"))?;
    }
    let took = begun.elapsed().as_secs_f64();
    let counts = format!(
        "{} ledger accounts, {} {}entries, {} transfers, in {took:.1} s",
        found.ledger_accounts,
        found.entries,
        if found.is_full { "" } else { "new " },
        found.transfers
    );
    if found.is_clean() {
        print_line(format_args!("the ledger is sound: {counts}"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let listed = found.listed.len();
    print_line(format_args!("{} violations ({listed} of them above) in {counts}", found.violations))?;
    Ok(ExitCode::FAILURE)
}

fn trial_balance(db: &mut Db, currency: Option<Currency>) -> anyhow::Result<ExitCode> {
    let mut totals = ledger::totals(db)?;
    totals.retain(|total| currency.is_none_or(|currency| currency.code() == total.currency));
    print_line(row(["currency", "bank", "kind", "accounts", "debit", "credit", "held"]))?;
    for of_currency in by_currency(&totals) {
        for total in of_currency {
            let bank = total.bank_id.to_string();
            print_line(Sums::of(std::slice::from_ref(total)).row(&total.currency, &bank, &total.kind))?;
        }
        let code = of_currency.first().map(|total| total.currency.as_str()).unwrap_or_default();
        print_line(Sums::of(of_currency).row(code, "", "sum"))?;
    }
    Ok(if unbalanced(&totals).is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The currencies whose debits and credits differ.
pub(super) fn unbalanced(totals: &[Total]) -> Vec<&str> {
    let differ = |of_currency: &&[Total]| {
        let sums = Sums::of(of_currency);
        sums.debit != sums.credit
    };
    by_currency(totals).filter(differ).filter_map(|totals| Some(totals.first()?.currency.as_str())).collect()
}

/// Totals come in the order of their currencies.
fn by_currency(totals: &[Total]) -> impl Iterator<Item = &[Total]> {
    totals.chunk_by(|one, other| one.currency == other.currency)
}

/// The sums of some totals.
#[derive(Default)]
struct Sums {
    accounts: i64,
    debit: i128,
    credit: i128,
    held: i128,
}

impl Sums {
    fn of(totals: &[Total]) -> Self {
        totals.iter().fold(Self::default(), |sums, total| Self {
            accounts: sums.accounts.saturating_add(total.accounts),
            debit: sums.debit.saturating_add(total.balance.min(0).saturating_neg()),
            credit: sums.credit.saturating_add(total.balance.max(0)),
            held: sums.held.saturating_add(total.held),
        })
    }

    fn row(&self, currency: &str, bank: &str, kind: &str) -> String {
        let Self { accounts, debit, credit, held } = self;
        let [accounts, debit, credit, held] =
            [accounts.to_string(), debit.to_string(), credit.to_string(), held.to_string()];
        row([currency, bank, kind, &accounts, &debit, &credit, &held])
    }
}

fn row([currency, bank, kind, accounts, debit, credit, held]: [&str; 7]) -> String {
    format!("{currency:8} {bank:>6} {kind:11} {accounts:>9} {debit:>20} {credit:>20} {held:>20}")
}

fn export(db: &mut Db, wanted: &Export) -> anyhow::Result<ExitCode> {
    let id = LedgerId::of_account(wanted.account);
    let account = ledger::find(db, &[id])?.pop();
    let account = account.with_context(|| format!("--account: there is no account {}", wanted.account))?;
    let mut writer = csv::Writer::from_writer(std::io::stdout().lock());
    writer.write_record(COLUMNS)?;
    let mut range = SeqRange::of_times(db, id, wanted.from, wanted.to)?;
    loop {
        let page = statement_page(db, Scope::All, id, range)?;
        let Some(last) = page.last() else { break };
        range = range.beyond(last.entry.seq);
        for view in &page {
            writer.write_record(cells(view, account.currency))?;
        }
    }
    writer.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// The cells of an entry. Amounts may begin with a minus sign.
fn cells(view: &EntryView, currency: Currency) -> [String; 10] {
    let (entry, transfer) = (&view.entry, view.transfer.as_ref());
    let text_cell = |text: Option<&str>| text.map(cell).unwrap_or_default();
    [
        entry.seq.to_string(),
        entry.posted_at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        transfer.map(|transfer| transfer.kind.as_str().to_owned()).unwrap_or_default(),
        entry.transfer_id.map(|id| id.to_string()).unwrap_or_default(),
        entry.amount.to_string(),
        entry.balance_after.to_string(),
        currency.code().to_owned(),
        text_cell(view.counterparty_name()),
        text_cell(transfer.and_then(|transfer| transfer.text.reference.as_deref())),
        text_cell(transfer.and_then(|transfer| transfer.text.description.as_deref())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(currency: &str, kind: &str, balance: i128) -> Total {
        Total { bank_id: 1, currency: currency.to_owned(), kind: kind.to_owned(), accounts: 2, balance, held: 3 }
    }

    #[test]
    fn only_a_currency_whose_debits_and_credits_differ_is_unbalanced() {
        let mut totals = vec![
            total("EUR", "account", 70),
            total("EUR", "card", 30),
            total("EUR", "opening", -100),
            total("JPY", "account", i128::MAX),
            total("JPY", "cash", -i128::MAX),
            total("USD", "account", 5),
            total("USD", "cash", -5),
        ];
        assert!(unbalanced(&totals).is_empty() && unbalanced(&[]).is_empty());
        totals[2].balance += 1;
        totals[5].balance -= 1;
        assert_eq!(unbalanced(&totals), ["EUR", "USD"]);
    }

    #[test]
    fn a_row_has_a_debit_or_a_credit_and_the_sum_both() {
        let totals = [total("EUR", "account", 100), total("EUR", "opening", -100)];
        let words = |row: String| row.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            words(Sums::of(&totals[1..]).row("EUR", "1", "opening")),
            ["EUR", "1", "opening", "2", "100", "0", "3"]
        );
        assert_eq!(words(Sums::of(&totals).row("EUR", "", "sum")), ["EUR", "sum", "4", "100", "100", "6"]);
    }
}
