//! OFX 2.2 (Open Financial Exchange), as personal finance programs import it: XML, its elements in a fixed order, its texts in fixed
//! lengths.
//!
//! Days are written as noon, so that no reader's time zone moves them to another day. `FITID` is the account with the number of the
//! entry, so a second import finds what it has already.

use std::io;

use chrono::NaiveDate;

use super::line::Line;
use super::xml::Xml;
use super::{Statement, StatementWriter, amount, text};
use crate::domain::ledger::{EntryView, TransferKind};

const HEADER: &[u8] = b"<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n\
    <?OFX OFXHEADER=\"200\" VERSION=\"220\" SECURITY=\"NONE\" OLDFILEUID=\"NONE\" NEWFILEUID=\"NONE\"?>\n";
const BANK_ID: usize = 9;
const ACCOUNT_ID: usize = 22;
const MAX_32: usize = 32;
const TRANSACTION_ID: usize = 36;
const MEMO: usize = 255;

#[derive(Default)]
pub struct Ofx(Xml);

impl StatementWriter for Ofx {
    fn begin(&mut self, statement: &Statement, out: &mut Vec<u8>) -> io::Result<()> {
        out.extend_from_slice(HEADER);
        let xml = &mut self.0;
        xml.open("OFX")?;
        xml.element("SIGNONMSGSRSV1", |xml| xml.element("SONRS", |xml| sign_on(xml, statement)))?;
        xml.open("BANKMSGSRSV1")?;
        xml.open("STMTTRNRS")?;
        xml.text("TRNUID", text::cut(&statement.id(), TRANSACTION_ID))?;
        xml.element("STATUS", success)?;
        xml.open("STMTRS")?;
        xml.text("CURDEF", statement.currency.code())?;
        xml.element("BANKACCTFROM", |xml| account(xml, statement))?;
        xml.open("BANKTRANLIST")?;
        xml.text("DTSTART", &day(statement.period.from))?;
        xml.text("DTEND", &day(statement.period.to))?;
        xml.drain(out);
        Ok(())
    }

    fn entry(&mut self, statement: &Statement, view: &EntryView, out: &mut Vec<u8>) -> io::Result<()> {
        let line = Line::of(view, statement.calendar);
        self.0.element("STMTTRN", |xml| entry(xml, statement, &line))?;
        self.0.drain(out);
        Ok(())
    }

    fn end(&mut self, statement: &Statement, out: &mut Vec<u8>) -> io::Result<()> {
        let xml = &mut self.0;
        xml.close("BANKTRANLIST")?;
        xml.element("LEDGERBAL", |xml| {
            xml.text("BALAMT", &amount::decimal(statement.closing_balance.into(), statement.places()))?;
            xml.text("DTASOF", &day(statement.period.to))
        })?;
        for name in ["STMTRS", "STMTTRNRS", "BANKMSGSRSV1", "OFX"] {
            xml.close(name)?;
        }
        xml.drain(out);
        out.push(b'\n');
        Ok(())
    }
}

fn sign_on(xml: &mut Xml, statement: &Statement) -> io::Result<()> {
    xml.element("STATUS", success)?;
    xml.text("DTSERVER", &statement.created_at.format("%Y%m%d%H%M%S.000[0:GMT]").to_string())?;
    xml.text("LANGUAGE", "ENG")?;
    xml.element("FI", |xml| {
        xml.text("ORG", text::cut(&statement.bank, MAX_32))?;
        xml.text("FID", &statement.bank_id.to_string())
    })
}

fn success(xml: &mut Xml) -> io::Result<()> {
    xml.text("CODE", "0")?;
    xml.text("SEVERITY", "INFO")
}

fn account(xml: &mut Xml, statement: &Statement) -> io::Result<()> {
    let bank = statement.bic.as_ref().map_or_else(|| statement.bank_id.to_string(), |bic| bic.party().to_owned());
    xml.text("BANKID", text::cut(&bank, BANK_ID))?;
    let account = statement.account();
    // An IBAN that is too long goes without its country and check digits, which the rest implies.
    let without_country = || account.get(4..).unwrap_or(&account);
    let account = if account.len() > ACCOUNT_ID { without_country() } else { account.as_str() };
    xml.text("ACCTID", text::cut(account, ACCOUNT_ID))?;
    xml.text("ACCTTYPE", "CHECKING")
}

fn entry(xml: &mut Xml, statement: &Statement, line: &Line<'_>) -> io::Result<()> {
    xml.text("TRNTYPE", code(line))?;
    xml.text("DTPOSTED", &day(line.date))?;
    xml.text("TRNAMT", &amount::decimal(line.amount.into(), statement.places()))?;
    xml.text("FITID", &format!("{}-{}", statement.account_id, line.seq))?;
    let reference = line.reference.map(text::xml);
    if let Some(reference) = &reference {
        xml.text("REFNUM", text::cut(reference, MAX_32))?;
    }
    xml.text("NAME", text::cut(line.counterparty.unwrap_or_else(|| line.word()), MAX_32))?;
    // The name, too, where it was cut.
    let name = line.counterparty.filter(|name| text::cut(name, MAX_32) != *name);
    let reference = reference.as_deref().filter(|reference| text::cut(reference, MAX_32) != *reference);
    let memo: Vec<&str> = [line.description, reference, name].into_iter().flatten().collect();
    let memo = if memo.is_empty() { line.word().to_owned() } else { memo.join("; ") };
    xml.text("MEMO", text::cut(&memo, MEMO))
}

fn code(line: &Line<'_>) -> &'static str {
    match line.kind {
        TransferKind::Transfer => "XFER",
        TransferKind::Deposit => "DEP",
        TransferKind::Withdrawal => "CASH",
        _ if line.is_credit() => "CREDIT",
        _ => "DEBIT",
    }
}

fn day(date: NaiveDate) -> String {
    date.format("%Y%m%d120000").to_string()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Case, written};
    use super::*;

    #[test]
    fn the_statement_is_written_as_the_golden_file_has_it() {
        let golden = include_str!("golden/statement.ofx");
        assert_eq!(written(Ofx::default(), &Case::usual()), golden);
    }

    #[test]
    fn a_text_that_xml_cannot_hold_has_no_element() {
        let text = written(Ofx::default(), &Case::usual().with_texts("\u{ffff}"));
        assert!(!text.contains("REFNUM") && text.contains("<MEMO>Transfer</MEMO>") && !text.contains("></"), "{text}");
        let reference = format!("{}ABC", "\u{ffff}".repeat(MAX_32));
        let text = written(Ofx::default(), &Case::usual().with_texts(&reference));
        assert!(text.contains("<REFNUM>ABC</REFNUM>"), "{text}");
    }

    #[test]
    fn an_account_has_at_most_22_characters_and_a_bank_9() {
        let mut case = Case::usual();
        case.statement.iban = Some("AE070331234567890123456".to_owned());
        let text = written(Ofx::default(), &case);
        assert!(
            text.contains("<ACCTID>0331234567890123456</ACCTID>") && text.contains("<BANKID>BOBADEFF</BANKID>"),
            "{text}"
        );
        (case.statement.iban, case.statement.bic) = (None, None);
        let text = written(Ofx::default(), &case);
        assert!(text.contains("<ACCTID>1</ACCTID>") && text.contains("<BANKID>3</BANKID>"), "{text}");
    }
}
