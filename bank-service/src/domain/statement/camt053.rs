//! camt.053.001.08, the bank-to-customer statement of ISO 20022: elements in the order of its schema, texts in its lengths.
//!
//! An account without an IBAN is named by its id, and a bank without a BIC by its own. A reversal has the indicator and the codes of
//! what it reverses.

use std::io;

use chrono::{SecondsFormat, TimeDelta};

use super::line::Line;
use super::xml::Xml;
use super::{Statement, StatementWriter, Sum, amount, text};
use crate::domain::ledger::{EntryView, TransferKind};

const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08";
const MAX_35: usize = 35;
const MAX_140: usize = 140;
/// The reference of a transfer whose sender gave none.
const NO_REFERENCE: &str = "NOTPROVIDED";
/// A decimal of the schema has no more digits.
const DIGITS: u32 = 18;

#[derive(Default)]
pub struct Camt053(Xml);

impl StatementWriter for Camt053 {
    fn begin(&mut self, statement: &Statement, out: &mut Vec<u8>) -> io::Result<()> {
        out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let (xml, id) = (&mut self.0, statement.id());
        let id = text::cut(&id, MAX_35);
        xml.open_with("Document", ("xmlns", NAMESPACE))?;
        xml.open("BkToCstmrStmt")?;
        xml.element("GrpHdr", |xml| {
            xml.text("MsgId", id)?;
            xml.text("CreDtTm", &statement.created())
        })?;
        xml.open("Stmt")?;
        xml.text("Id", id)?;
        xml.text("CreDtTm", &statement.created())?;
        period(xml, statement)?;
        account(xml, statement)?;
        balance(xml, statement, "OPBD")?;
        balance(xml, statement, "CLBD")?;
        totals(xml, statement)?;
        xml.drain(out);
        Ok(())
    }

    fn entry(&mut self, statement: &Statement, view: &EntryView, out: &mut Vec<u8>) -> io::Result<()> {
        let line = Line::of(view, statement.calendar);
        self.0.element("Ntry", |xml| entry(xml, statement, &line))?;
        self.0.drain(out);
        Ok(())
    }

    fn end(&mut self, _: &Statement, out: &mut Vec<u8>) -> io::Result<()> {
        for name in ["Stmt", "BkToCstmrStmt", "Document"] {
            self.0.close(name)?;
        }
        self.0.drain(out);
        out.push(b'\n');
        Ok(())
    }
}

fn period(xml: &mut Xml, statement: &Statement) -> io::Result<()> {
    let (from, after) = statement.period.span(statement.calendar);
    let local = |time| statement.calendar.local(time).to_rfc3339_opts(SecondsFormat::Secs, true);
    xml.element("FrToDt", |xml| {
        xml.text("FrDtTm", &local(from))?;
        xml.text("ToDtTm", &local(after - TimeDelta::seconds(1)))
    })
}

fn account(xml: &mut Xml, statement: &Statement) -> io::Result<()> {
    xml.element("Acct", |xml| {
        match &statement.iban {
            Some(iban) => xml.nested(&["Id", "IBAN"], iban)?,
            None => xml.nested(&["Id", "Othr", "Id"], &statement.account_id.to_string())?,
        }
        xml.text("Ccy", statement.currency.code())?;
        if !statement.owner.is_empty() {
            xml.nested(&["Ownr", "Nm"], text::cut(&statement.owner, MAX_140))?;
        }
        match &statement.bic {
            Some(bic) => xml.nested(&["Svcr", "FinInstnId", "BICFI"], bic.as_str()),
            None => xml.nested(&["Svcr", "FinInstnId", "Othr", "Id"], &statement.bank_id.to_string()),
        }
    })
}

/// `OPBD` or `CLBD`: the booked balance at the beginning or the end.
fn balance(xml: &mut Xml, statement: &Statement, code: &str) -> io::Result<()> {
    let (minor, date) = match code {
        "OPBD" => (statement.opening_balance, statement.period.from),
        _ => (statement.closing_balance, statement.period.to),
    };
    xml.element("Bal", |xml| {
        xml.nested(&["Tp", "CdOrPrtry", "Cd"], code)?;
        money(xml, statement, minor.into())?;
        xml.nested(&["Dt", "Dt"], &date.to_string())
    })
}

/// An amount with its currency, and whether it is a credit; zero is.
fn money(xml: &mut Xml, statement: &Statement, minor: i128) -> io::Result<()> {
    xml.open_with("Amt", ("Ccy", statement.currency.code()))?;
    xml.content(&amount::decimal(minor.abs(), statement.places()))?;
    xml.close("Amt")?;
    xml.text("CdtDbtInd", direction(minor))
}

fn direction(minor: i128) -> &'static str {
    if minor < 0 { "DBIT" } else { "CRDT" }
}

fn totals(xml: &mut Xml, statement: &Statement) -> io::Result<()> {
    let totals = &statement.totals;
    let net = totals.credits.sum.saturating_sub(totals.debits.sum);
    let all = Sum { count: totals.count(), sum: totals.credits.sum.saturating_add(totals.debits.sum) };
    xml.element("TxsSummry", |xml| {
        xml.element("TtlNtries", |xml| {
            count_and_sum(xml, statement, all)?;
            if !fits(net) {
                return Ok(());
            }
            xml.element("TtlNetNtry", |xml| {
                xml.text("Amt", &amount::decimal(net.abs(), statement.places()))?;
                xml.text("CdtDbtInd", direction(net))
            })
        })?;
        xml.element("TtlCdtNtries", |xml| count_and_sum(xml, statement, totals.credits))?;
        xml.element("TtlDbtNtries", |xml| count_and_sum(xml, statement, totals.debits))
    })
}

fn count_and_sum(xml: &mut Xml, statement: &Statement, sum: Sum) -> io::Result<()> {
    xml.text("NbOfNtries", &sum.count.to_string())?;
    if fits(sum.sum) { xml.text("Sum", &amount::decimal(sum.sum, statement.places())) } else { Ok(()) }
}

/// A larger sum is left out: the schema has no room for it, and does not require it.
fn fits(sum: i128) -> bool {
    sum.unsigned_abs() < 10_u128.pow(DIGITS)
}

fn entry(xml: &mut Xml, statement: &Statement, line: &Line<'_>) -> io::Result<()> {
    xml.text("NtryRef", &line.seq.to_string())?;
    money(xml, statement, line.amount.into())?;
    if line.is_reversal() {
        xml.text("RvslInd", "true")?;
    }
    xml.nested(&["Sts", "Cd"], "BOOK")?;
    xml.nested(&["BookgDt", "DtTm"], &line.posted_at.to_rfc3339_opts(SecondsFormat::AutoSi, true))?;
    xml.nested(&["ValDt", "Dt"], &line.date.to_string())?;
    if let Some(id) = &line.transfer_id {
        xml.text("AcctSvcrRef", id)?;
    }
    let (domain, family, detail) = codes(line);
    xml.element("BkTxCd", |xml| {
        xml.element("Domn", |xml| {
            xml.text("Cd", domain)?;
            xml.element("Fmly", |xml| {
                xml.text("Cd", family)?;
                xml.text("SubFmlyCd", detail)
            })
        })
    })?;
    xml.element("NtryDtls", |xml| xml.element("TxDtls", |xml| details(xml, statement, line)))?;
    xml.text("AddtlNtryInf", line.word())
}

fn details(xml: &mut Xml, statement: &Statement, line: &Line<'_>) -> io::Result<()> {
    xml.element("Refs", |xml| {
        xml.text("EndToEndId", text::cut(line.reference.unwrap_or(NO_REFERENCE), MAX_35))?;
        line.transfer_id.as_deref().map_or(Ok(()), |id| xml.text("TxId", id))
    })?;
    money(xml, statement, line.amount.into())?;
    if let Some(name) = line.counterparty {
        // The parties of a reversal are those of what it reverses.
        let is_debtor = line.is_credit() != line.is_reversal();
        let party = if is_debtor { "Dbtr" } else { "Cdtr" };
        xml.nested(&["RltdPties", party, "Pty", "Nm"], text::cut(name, MAX_140))?;
    }
    line.description.map_or(Ok(()), |about| xml.nested(&["RmtInf", "Ustrd"], text::cut(about, MAX_140)))
}

/// Domain, family and sub-family of the bank transaction codes of ISO 20022.
fn codes(line: &Line<'_>) -> (&'static str, &'static str, &'static str) {
    let is_credit = line.is_credit();
    match line.kind {
        TransferKind::Transfer => ("PMNT", if is_credit { "RCDT" } else { "ICDT" }, "BOOK"),
        TransferKind::Deposit => ("PMNT", "CNTR", "CDPT"),
        TransferKind::Withdrawal => ("PMNT", "CNTR", "CWDL"),
        TransferKind::Reversal if line.is_with_cash => ("PMNT", "CNTR", if is_credit { "CWDL" } else { "CDPT" }),
        TransferKind::Reversal => ("PMNT", if is_credit { "ICDT" } else { "RCDT" }, "BOOK"),
        TransferKind::Opening => ("ACMT", "OPCL", "ACCO"),
        TransferKind::Closing => ("ACMT", "OPCL", "ACCC"),
        TransferKind::Adjustment => ("ACMT", if is_credit { "MCOP" } else { "MDOP" }, "ADJT"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Case, written};
    use super::*;

    #[test]
    fn the_statement_is_written_as_the_golden_file_has_it() {
        let golden = include_str!("golden/statement.camt053.xml");
        assert_eq!(written(Camt053::default(), &Case::usual()), golden);
    }

    #[test]
    fn a_text_that_xml_cannot_hold_is_not_provided() {
        for unwritable in ["\u{ffff}", "\u{fffe} \u{b}", ""] {
            let text = written(Camt053::default(), &Case::usual().with_texts(unwritable));
            assert!(text.contains("<EndToEndId>NOTPROVIDED</EndToEndId>") && !text.contains("Ustrd"), "{text}");
            assert!(!text.contains("></"), "no element is empty: {text}");
        }
    }

    #[test]
    fn without_an_iban_and_a_bic_the_ids_are_named() {
        let mut case = Case::usual();
        (case.statement.iban, case.statement.bic) = (None, None);
        let text = written(Camt053::default(), &case);
        assert!(text.contains("<Acct>\n    <Id>\n     <Othr>\n      <Id>1</Id>"), "{text}");
        assert!(text.contains("<FinInstnId>\n      <Othr>\n       <Id>3</Id>"), "{text}");
    }

    #[test]
    fn balances_below_zero_are_debits_and_sums_beyond_the_schema_are_left_out() {
        let mut case = Case::usual();
        case.statement.opening_balance = -5;
        case.statement.totals.credits.sum = 10_i128.pow(18);
        let text = written(Camt053::default(), &case);
        assert!(text.contains("<Amt Ccy=\"EUR\">0.05</Amt>\n    <CdtDbtInd>DBIT</CdtDbtInd>"), "{text}");
        assert_eq!(text.matches("<Sum>").count(), 1, "that of the debits: {text}");
    }
}
